//! A local pool: the buffers of one input or output.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Instant;

use super::error::RequestError;
use super::pool::Shared;
use crate::arena::home::{Home, Keeper, Slot};
use crate::arena::slab::Token;
use crate::sync::{
    Arc, AtomicBool, AtomicU32, Condvar, Mutex, MutexGuard, Ordering, PoisonError, wait_until,
};

/// What the buffers of a local pool come home to.
///
/// `held` counts the buffers that belong to the pool, parked or out. It is raised before a buffer is taken from the
/// common pool and lowered before one is given there. Where it is above `size`, no buffer is parked, or somebody is
/// about to take it out: who raises `held` above `size` or lowers `size` makes everybody look again and trims.
pub(super) struct Local {
    pub(super) name: String,
    pub(super) required: u32,
    pub(super) max: u32,
    overdraft_max: u32,
    shared: Arc<Shared>,
    size: AtomicU32,
    held: AtomicU32,
    closed: AtomicBool,
    /// While anybody waits, the home is slow: buffers come back through [`Keeper::receive`].
    room: Mutex<Room>,
    bell: Condvar,
}

/// Those who wait for a buffer of a pool.
#[derive(Default)]
struct Room {
    waiting: u32,
    /// Changes whenever something happened that they may have waited for.
    rings: u64,
}

impl Room {
    /// Tells one of those who wait; the others look as well, before they wait again.
    fn ring(&mut self, bell: &Condvar) -> bool {
        self.rings += 1;
        bell.notify_one();
        self.waiting > 0
    }
}

impl Local {
    pub(super) fn new(shared: &Arc<Shared>, name: &str, required: u32, max: u32, overdraft_max: u32) -> Self {
        Self {
            name: name.to_owned(),
            required,
            max,
            overdraft_max,
            shared: Arc::clone(shared),
            size: AtomicU32::new(required),
            held: AtomicU32::new(0),
            closed: AtomicBool::new(false),
            room: Mutex::new(Room::default()),
            bell: Condvar::new(),
        }
    }

    pub(super) fn held(&self) -> u32 {
        self.held.load(Ordering::Acquire)
    }

    fn size(&self) -> u32 {
        self.size.load(Ordering::Acquire)
    }

    /// Sets the share; the caller then calls [`resized`] under no lock. Returns whether it is another one.
    pub(super) fn set_size(&self, size: u32) -> bool {
        self.size.swap(size, Ordering::AcqRel) != size
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes one of those who wait, if any; says whether there was one.
    pub(super) fn ring(&self) -> bool {
        self.room().ring(&self.bell)
    }

    fn lower(&self) {
        self.held.fetch_sub(1, Ordering::AcqRel);
    }

    /// Lowers `held` if it is above the share.
    fn lower_excess(&self) -> bool {
        let lower = |held: u32| (held > self.size()).then(|| held - 1);
        self.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, lower).is_ok()
    }

    /// Lowers `held` if a buffer that is in hand may not stay here.
    fn lets_go(&self) -> bool {
        if self.is_closed() {
            self.lower();
            return true;
        }
        self.lower_excess()
    }
}

impl Keeper for Local {
    #[inline]
    fn keeps(&self) -> bool {
        self.held() <= self.size()
    }

    fn receive(home: &Arc<Home<Self>>, token: Token) {
        let local = home.keeper();
        if local.lets_go() {
            local.shared.put(token);
            return;
        }
        let mut room = local.room();
        let parked = home.park(token);
        room.ring(&local.bell);
        drop(room);
        if let Err(token) = parked {
            local.lower();
            local.shared.put(token);
        }
        // the share may have changed, or the pool been closed, after it was asked and before the buffer was parked
        trim(home);
    }
}

/// Sends parked buffers away while the pool holds too many.
fn trim(home: &Arc<Home<Local>>) {
    let local = home.keeper();
    while local.is_closed() || !local.keeps() {
        let Some(slot) = home.take() else { return };
        let (token, _count) = slot.leave();
        if local.lets_go() {
            local.shared.put(token);
        } else if let Err(token) = home.park(token) {
            local.lower();
            local.shared.put(token);
        }
    }
}

/// After another share was set: too many buffers go, and who waits looks again.
pub(super) fn resized(home: &Arc<Home<Local>>) {
    home.begin_again();
    trim(home);
    let local = home.keeper();
    local.room().rings += 1;
    local.bell.notify_all();
}

/// A buffer from the common pool, where the pool holds less than its share and `above`.
fn draw(home: &Arc<Home<Local>>, above: u32) -> Option<Slot<Local>> {
    let local = home.keeper();
    let raise = |held: u32| {
        let bound = local.size().saturating_add(above);
        (held < bound && !local.is_closed()).then(|| held + 1)
    };
    loop {
        let before = local.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, raise).ok()?;
        if before >= local.size() {
            // above the share now: nothing may stay parked
            home.begin_again();
            trim(home);
        }
        if let Some(token) = local.shared.get() {
            return Some(home.adopt(token));
        }
        local.lower();
        // who came meanwhile found the share taken; look again, so that no buffer is left lying
        if local.shared.is_empty() {
            return None;
        }
    }
}

/// The buffers of one input or output of a task. To be shared by reference or in an `Arc`.
///
/// Dropped or closed, its parked buffers go to the other pools at once, those still out as they come back.
pub struct LocalBufferPool {
    home: Arc<Home<Local>>,
}

impl LocalBufferPool {
    pub(super) fn new(home: Arc<Home<Local>>) -> Self {
        Self { home }
    }

    /// A buffer, if one can be had now. `None`: the share is used up, others have not sent theirs yet, or the pool is
    /// closed.
    #[inline]
    pub fn request(&self) -> Option<NetworkBuffer> {
        let slot = self.home.take().or_else(|| draw(&self.home, 0))?;
        Some(NetworkBuffer(slot))
    }

    /// As [`Self::request`], and where the share is used up, one beyond it, if the common pool has one: at most as many
    /// as were agreed when the pool was made. For a record that is half written.
    pub fn request_overdraft(&self) -> Option<NetworkBuffer> {
        self.request().or_else(|| draw(&self.home, self.local().overdraft_max).map(NetworkBuffer))
    }

    /// A buffer, waiting for it until the deadline.
    ///
    /// # Errors
    /// [`RequestError::Timeout`] after the deadline; [`RequestError::Closed`] as soon as the pool is closed.
    pub fn request_until(&self, deadline: Instant) -> Result<NetworkBuffer, RequestError> {
        match self.request() {
            Some(buffer) => Ok(buffer),
            None => self.wait(deadline, || self.request()),
        }
    }

    /// Whether a request would succeed now, if nobody else comes before.
    pub fn is_available(&self) -> bool {
        let local = self.local();
        let may_draw = || local.held() < local.size() && !local.shared.is_empty();
        !local.is_closed() && (self.home.has_parked() || may_draw())
    }

    /// Waits until a request would succeed. Takes nothing.
    ///
    /// # Errors
    /// As [`Self::request_until`].
    pub fn wait_available(&self, deadline: Instant) -> Result<(), RequestError> {
        let available = || self.is_available().then_some(());
        match available() {
            Some(()) => Ok(()),
            None => self.wait(deadline, available),
        }
    }

    #[cold]
    fn wait<T>(&self, deadline: Instant, attempt: impl Fn() -> Option<T>) -> Result<T, RequestError> {
        let local = self.local();
        let mut room = local.room();
        room.waiting += 1;
        self.home.set_slow();
        let mut passed = false;
        let result = loop {
            let rings = room.rings;
            drop(room);
            // who gives a buffer to this pool or to the common one from here on finds the mark, and rings
            local.shared.mark();
            let found = attempt();
            room = local.room();
            match found {
                Some(found) => break Ok(found),
                None if local.is_closed() => break Err(RequestError::Closed),
                None if room.rings != rings => {}
                None if passed => break Err(RequestError::Timeout),
                None => (room, passed) = wait_until(&local.bell, room, deadline),
            }
        };
        room.waiting -= 1;
        if room.waiting > 0 {
            // the ring that woke this one may have been meant for another
            local.bell.notify_one();
        } else if !local.is_closed() {
            self.home.clear_slow();
        }
        result
    }

    /// Closes the pool: nobody gets a buffer any more, who waits is told so, the other pools share what it had.
    pub fn close(&self) {
        let local = self.local();
        if local.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut room = local.room();
        self.home.set_slow();
        room.rings += 1;
        local.bell.notify_all();
        drop(room);
        trim(&self.home);
        local.shared.leave(&self.home);
    }

    /// How many buffers it may hold now: its minimum and its share of the rest.
    pub fn size(&self) -> u32 {
        self.local().size()
    }

    /// How many buffers it holds, parked or out.
    pub fn held(&self) -> u32 {
        self.local().held()
    }

    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.local().name
    }

    fn local(&self) -> &Local {
        self.home.keeper()
    }
}

impl Drop for LocalBufferPool {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for LocalBufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalBufferPool")
            .field("name", &self.name())
            .field("size", &self.size())
            .field("held", &self.held())
            .finish_non_exhaustive()
    }
}

/// A buffer of a [`LocalBufferPool`]. Dropped, it is recycled. It may outlive its pool.
pub struct NetworkBuffer(Slot<Local>);

impl Deref for NetworkBuffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for NetworkBuffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl AsRef<[u8]> for NetworkBuffer {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for NetworkBuffer {
    #[inline]
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl fmt::Debug for NetworkBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkBuffer").field("bytes", &self.len()).finish_non_exhaustive()
    }
}
