//! One pool with all its levels and owners: the slow path of a reservation.
//!
//! There is one lock per pool, and it is a leaf: nothing is called under it that could take another one or come back
//! (no reclaimer, no allocation hook, no user code). What waits for a deadline waits on this lock's signal.

use std::collections::VecDeque;
use std::time::Instant;

use super::account::OverRelease;
use super::book::{Book, NodeId, Short};
use super::reclaim::Tried;
use super::seat::Seat;
use crate::sync::{
    Arc, AtomicU32, AtomicU64, Condvar, Mutex, MutexGuard, Ordering::SeqCst, PoisonError, wait_until,
};

/// The largest piece of credit that an owner takes beyond what it asked for.
pub(crate) const QUANTUM_MAX: u64 = 64 << 10;
/// Credit is at most this part of a pool, per owner: unused credit must not matter.
const QUANTUM_PART: u64 = 1024;
/// How often the first in the queue is overtaken by reservations that fit where it does not.
pub(crate) const OVERTAKEN_MAX: u32 = 64;

pub(crate) struct Ledger {
    state: Mutex<State>,
    /// How many wait. Raised before the queue is looked at, so that whoever gives bytes back either sees it or is seen.
    waiting: AtomicU32,
    freed: Condvar,
    quantum: u64,
    refusals: AtomicU64,
    over_releases: AtomicU64,
}

struct State {
    book: Book,
    seats: Vec<Arc<Seat>>,
    queue: VecDeque<Waiter>,
    next_ticket: u64,
    /// Fault injection: how many reservations are left until one fails.
    fault: Option<u64>,
}

struct Waiter {
    ticket: u64,
    node: NodeId,
    bytes: u64,
    overtaken: u32,
}

/// What a pool looks like under its lock.
pub(crate) struct View<'a> {
    pub(crate) book: &'a Book,
    pub(crate) seats: &'a [Arc<Seat>],
    pub(crate) waiting_bytes: u64,
}

impl Ledger {
    pub(crate) fn new(name: String, limit: u64, key: Option<&'static str>) -> Self {
        Self {
            state: Mutex::new(State {
                book: Book::new(name, limit, key),
                seats: Vec::new(),
                queue: VecDeque::new(),
                next_ticket: 0,
                fault: None,
            }),
            waiting: AtomicU32::new(0),
            freed: Condvar::new(),
            quantum: (limit / QUANTUM_PART).min(QUANTUM_MAX),
            refusals: AtomicU64::new(0),
            over_releases: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads everything at one moment.
    pub(crate) fn view<T>(&self, read: impl FnOnce(&View<'_>) -> T) -> T {
        let state = self.lock();
        let waiting_bytes = state.queue.iter().map(|waiter| waiter.bytes).fold(0, u64::saturating_add);
        read(&View { book: &state.book, seats: &state.seats, waiting_bytes })
    }

    pub(crate) fn add_node(
        &self,
        parent: NodeId,
        name: String,
        limit: u64,
        key: Option<&'static str>,
    ) -> NodeId {
        self.lock().book.add(parent, name, limit, key)
    }

    /// Gives an owner a seat, with its guaranteed minimum.
    pub(crate) fn seat(&self, node: NodeId, name: String, guaranteed: u64) -> Result<Arc<Seat>, Short> {
        let mut state = self.lock();
        if state.book.grant(node, guaranteed).is_err() {
            state.sweep(0);
            state.book.grant(node, guaranteed)?;
        }
        let seat = Arc::new(Seat::new(name, node, guaranteed));
        seat.account.grant(guaranteed);
        state.seats.push(Arc::clone(&seat));
        Ok(seat)
    }

    /// The owner of a seat is gone: its credit comes back; bytes that are still out stay on the books.
    pub(crate) fn leave(&self, seat: &Arc<Seat>) {
        let mut state = self.lock();
        seat.closed.store(true, SeqCst);
        let credit = seat.withdraw(0);
        state.book.give_back(seat.node, credit);
        if seat.account.used() == 0 {
            state.seats.retain(|other| !Arc::ptr_eq(other, seat));
        }
        drop(state);
        self.freed.notify_all();
    }

    /// Takes bytes without asking anybody: credit, then the book, then the unused credit of others.
    pub(crate) fn take(&self, seat: &Seat, bytes: u64, tried: &mut Tried) -> Result<(), Short> {
        let mut state = self.lock();
        let mut short = match state.take(seat, bytes, self.quantum, None) {
            Ok(()) => return Ok(()),
            Err(short) => short,
        };
        let swept = state.sweep(short.node);
        tried.swept_bytes = tried.swept_bytes.saturating_add(swept);
        if swept > 0 {
            match state.take(seat, bytes, 0, None) {
                Ok(()) => return Ok(()),
                Err(now) => short = now,
            }
        }
        Err(short)
    }

    /// Waits in the queue until the bytes are there or the deadline has passed.
    pub(crate) fn take_in_turn(&self, seat: &Arc<Seat>, bytes: u64, deadline: Instant) -> Result<(), Short> {
        self.waiting.fetch_add(1, SeqCst);
        let mut state = self.lock();
        let ticket = state.enqueue(seat.node, bytes);
        let outcome = loop {
            state.sweep(0);
            let short = match state.take(seat, bytes, 0, Some(ticket)) {
                Ok(()) => break Ok(()),
                Err(short) => short,
            };
            state.want(short, seat);
            let (again, passed) = wait_until(&self.freed, state, deadline);
            state = again;
            if passed {
                break Err(short);
            }
        };
        state.queue.retain(|waiter| waiter.ticket != ticket);
        self.waiting.fetch_sub(1, SeqCst);
        if !state.queue.is_empty() {
            // what does not fit for one may fit for the next
            self.freed.notify_all();
        }
        outcome
    }

    /// What of an owner's credit is unused after it gave bytes back: too much of it returns to the pool, and all of it
    /// where somebody waits.
    #[inline]
    pub(crate) fn after_give(&self, seat: &Arc<Seat>, slack: u64) {
        if slack > 2 * self.quantum + seat.guaranteed || self.waiting.load(SeqCst) > 0 {
            self.settle(seat);
        }
    }

    #[cold]
    fn settle(&self, seat: &Arc<Seat>) {
        let mut state = self.lock();
        let somebody_waits = self.waiting.load(SeqCst) > 0;
        let credit = seat.withdraw(if somebody_waits { 0 } else { self.quantum });
        state.book.give_back(seat.node, credit);
        drop(state);
        if somebody_waits {
            self.freed.notify_all();
        }
    }

    /// Moves bytes from one owner of this pool to another, without a moment at which they are free. Where the
    /// receiver's levels are short, the unused credit below them is taken back first.
    pub(crate) fn transfer(&self, from: &Arc<Seat>, to: &Arc<Seat>, bytes: u64) -> Result<(), Transfer> {
        let mut state = self.lock();
        from.account.hand_over(bytes).map_err(Transfer::Over)?;
        state.book.give_back(from.node, bytes);
        let mut outcome = state.book.grant(to.node, bytes);
        if let Err(short) = outcome
            && state.sweep(short.node) > 0
        {
            outcome = state.book.grant(to.node, bytes);
        }
        let receiver = if outcome.is_ok() { to } else { from };
        if outcome.is_err() {
            let kept = state.book.grant(from.node, bytes);
            debug_assert!(kept.is_ok(), "what was just given back fits");
        }
        receiver.account.receive(bytes);
        let somebody_waits = !state.queue.is_empty();
        drop(state);
        if somebody_waits {
            // the giver's levels have room now
            self.freed.notify_all();
        }
        outcome.map_err(|_| Transfer::Short)
    }

    pub(crate) fn seats_below(&self, node: NodeId) -> Vec<Arc<Seat>> {
        let state = self.lock();
        state.seats.iter().filter(|seat| state.book.is_below(seat.node, node)).cloned().collect()
    }

    /// Arms or disarms fault injection. While it is armed somebody seems to wait, so that nobody keeps credit and every
    /// reservation comes here to be counted.
    pub(crate) fn fail_nth(&self, nth: Option<u64>) {
        let mut state = self.lock();
        match (state.fault.is_some(), nth.is_some()) {
            (false, true) => _ = self.waiting.fetch_add(1, SeqCst),
            (true, false) => _ = self.waiting.fetch_sub(1, SeqCst),
            _ => {}
        }
        state.fault = nth;
        state.sweep(0);
    }

    /// Whether fault injection wants this reservation refused: one, and no other.
    pub(crate) fn is_faulted(&self) -> bool {
        if self.waiting.load(SeqCst) == 0 {
            return false;
        }
        let mut state = self.lock();
        match &mut state.fault {
            Some(left) if *left > 0 => {
                *left -= 1;
                *left == 0
            }
            _ => false,
        }
    }

    pub(crate) fn count_refusal(&self) {
        self.refusals.fetch_add(1, SeqCst);
    }

    pub(crate) fn count_over_release(&self) {
        self.over_releases.fetch_add(1, SeqCst);
    }

    pub(crate) fn refusals(&self) -> u64 {
        self.refusals.load(SeqCst)
    }

    pub(crate) fn over_releases(&self) -> u64 {
        self.over_releases.load(SeqCst)
    }
}

/// Why bytes could not be moved; nothing was changed.
pub(crate) enum Transfer {
    /// The giver holds less.
    Over(OverRelease),
    /// The receiver's levels lack them.
    Short,
}

impl State {
    /// Takes bytes for a seat, with up to a quantum of credit more. `ticket`: its place in the queue, where it has one.
    fn take(&mut self, seat: &Seat, bytes: u64, quantum: u64, ticket: Option<u64>) -> Result<(), Short> {
        // where somebody waits nobody takes more than it needs
        let quantum = if self.fault.is_some() || !self.queue.is_empty() { 0 } else { quantum };
        loop {
            if seat.account.try_take(bytes) {
                return Ok(());
            }
            let unused = seat.account.granted().saturating_sub(seat.account.used());
            let need = bytes.saturating_sub(unused);
            let overtakes = self.may_overtake(seat.node, need, ticket)?;
            let rounded = if bytes < quantum { need.max(quantum) } else { need };
            let granted = match self.book.grant(seat.node, rounded) {
                Ok(()) => rounded,
                Err(_) => self.book.grant(seat.node, need).map(|()| need)?,
            };
            seat.account.grant(granted);
            if let Some(first) = self.queue.front_mut().filter(|_| overtakes) {
                first.overtaken += 1;
            }
        }
    }

    /// Whether these bytes are taken from under the first in the queue. Never where it could have its own now; where it
    /// could not, it lets them pass a number of times.
    fn may_overtake(&self, node: NodeId, bytes: u64, ticket: Option<u64>) -> Result<bool, Short> {
        let Some(first) = self.queue.front() else { return Ok(false) };
        if ticket == Some(first.ticket) {
            return Ok(false);
        }
        let book = &self.book;
        let hurt = book.path(first.node).find(|id| {
            let left = book.free(*id).saturating_sub(bytes);
            left < first.bytes && book.is_below(node, *id)
        });
        match hurt {
            Some(level)
                if first.overtaken >= OVERTAKEN_MAX || book.short(first.node, first.bytes).is_none() =>
            {
                Err(Short { node: level, missing: bytes })
            }
            hurt => Ok(hurt.is_some()),
        }
    }

    fn enqueue(&mut self, node: NodeId, bytes: u64) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.queue.push_back(Waiter { ticket, node, bytes, overtaken: 0 });
        ticket
    }

    /// Tells the other owners below a short level that bytes are wanted.
    fn want(&self, short: Short, asking: &Arc<Seat>) {
        for seat in &self.seats {
            let asked = !Arc::ptr_eq(seat, asking) && seat.reclaimable() > 0;
            if asked && self.book.is_below(seat.node, short.node) {
                seat.wanted.fetch_max(short.missing, SeqCst);
            }
        }
    }

    /// Takes back the unused credit of all owners below a level.
    fn sweep(&mut self, node: NodeId) -> u64 {
        let mut swept = 0;
        for seat in &self.seats {
            if self.book.is_below(seat.node, node) {
                let credit = seat.withdraw(0);
                self.book.give_back(seat.node, credit);
                swept += credit;
            }
        }
        swept
    }
}
