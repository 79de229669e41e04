//! A thread that observes once a second, publishes, and calls back when the drift's level changes.
//!
//! Locks: one for the published observation and one for the stop signal, each held for a few instructions, never
//! both, and never while anything is called.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::drift::{self, Alarm, Drift, DriftLevel, Term};
use super::{Observation, Probe, ProbeError};

/// The accounted terms for an observation.
type Accounts = Box<dyn FnMut(&Observation) -> Vec<Term> + Send>;
/// Told of every observation.
type Each = Box<dyn FnMut(&Observation) + Send>;
/// Told of a change of the drift's level: the level before, and the observation with the new one.
type Changed = Box<dyn FnMut(DriftLevel, &Observation) + Send>;

/// How often the accounts are taken until they agree with what is measured around them.
const TRIES: usize = 5;

/// What a [`Sampler`] does: built up, then started.
pub struct Sampling {
    probe: Probe,
    interval: Duration,
    alarm: Alarm,
    accounts: Option<Accounts>,
    each: Vec<Each>,
    changed: Vec<Changed>,
    level: DriftLevel,
}

impl fmt::Debug for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampling")
            .field("interval", &self.interval)
            .field("alarm", &self.alarm)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

impl Sampling {
    /// Once a second, with an alarm at 2 % of the process size in bytes; nobody accounts yet.
    pub fn new(probe: Probe, process_bytes: u64) -> Self {
        Self {
            probe,
            interval: Duration::from_secs(1),
            alarm: Alarm::of_process(process_bytes, Alarm::DEFAULT_PERMILLE),
            accounts: None,
            each: Vec::new(),
            changed: Vec::new(),
            level: DriftLevel::Within,
        }
    }

    /// Another interval.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Another alarm.
    #[must_use]
    pub fn alarm(mut self, alarm: Alarm) -> Self {
        self.alarm = alarm;
        self
    }

    /// Who accounts: says what the process's bytes are, given an observation without a drift. Called by the sampler's
    /// thread.
    #[must_use]
    pub fn accounts(mut self, accounts: impl FnMut(&Observation) -> Vec<Term> + Send + 'static) -> Self {
        self.accounts = Some(Box::new(accounts));
        self
    }

    /// Something to do at each observation, after it was made and before it is published: this is where the heap's
    /// regulator ticks.
    #[must_use]
    pub fn each(mut self, each: impl FnMut(&Observation) + Send + 'static) -> Self {
        self.each.push(Box::new(each));
        self
    }

    /// Something to do when the drift's level changed: gets the level before, and the observation with the new one.
    #[must_use]
    pub fn on_change(mut self, changed: impl FnMut(DriftLevel, &Observation) + Send + 'static) -> Self {
        self.changed.push(Box::new(changed));
        self
    }

    /// Observes once at once, then starts the thread.
    ///
    /// # Errors
    /// [`ProbeError`] where the first observation fails or the thread cannot be started.
    pub fn start(mut self) -> Result<Sampler, ProbeError> {
        let first = Arc::new(self.observe()?);
        let shared =
            Arc::new(Shared { latest: Mutex::new(first), ended: Mutex::new(false), wake: Condvar::new() });
        let of_thread = Arc::clone(&shared);
        let spawned = Builder::new().name("plimsoll-probe".to_owned()).spawn(move || self.run(&of_thread));
        let thread = spawned.map_err(|error| ProbeError::Thread { why: error.to_string() })?;
        Ok(Sampler { shared, thread: Some(thread) })
    }

    fn observe(&mut self) -> Result<Observation, ProbeError> {
        let mut observation = self.probe.observe()?;
        if let Some(accounts) = &mut self.accounts {
            // A busy process changes while it is looked at: the accounts are taken between two measurements, again
            // where these differ by much.
            let mut accounted = Vec::new();
            for _ in 0..TRIES {
                let bytes = self.probe.refresh(&mut observation)?;
                accounted = accounts(&observation);
                let moved = self.probe.refresh(&mut observation)?.abs_diff(bytes);
                if moved <= self.alarm.begins_bytes / 4 {
                    break;
                }
            }
            let mut terms = drift::measured(&observation.bytes);
            terms.append(&mut accounted);
            let before = self.level;
            let drift = Drift::of(terms, &self.alarm, before);
            self.level = drift.level;
            observation.drift = Some(drift);
            if self.level != before {
                self.changed.iter_mut().for_each(|changed| changed(before, &observation));
            }
        }
        self.each.iter_mut().for_each(|each| each(&observation));
        Ok(observation)
    }

    fn run(mut self, shared: &Shared) {
        while !shared.wait(self.interval) {
            // A process that ended stays as it was last seen; its sampler goes on until it is stopped.
            if let Ok(observation) = self.observe() {
                shared.publish(Arc::new(observation));
            }
        }
    }
}

struct Shared {
    latest: Mutex<Arc<Observation>>,
    ended: Mutex<bool>,
    wake: Condvar,
}

impl Shared {
    fn publish(&self, observation: Arc<Observation>) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *latest, observation);
        // Freed outside of the lock.
        drop(latest);
        drop(before);
    }

    /// Waits for the interval; true if it is time to end.
    fn wait(&self, interval: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(ended, interval, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }
}

/// A running sampler. It ends, and its thread is joined, when this is dropped. A callback must not drop it.
#[must_use = "it ends where it is dropped"]
pub struct Sampler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler").field("sequence", &self.latest().sequence).finish_non_exhaustive()
    }
}

impl Sampler {
    /// The latest observation.
    pub fn latest(&self) -> Arc<Observation> {
        Arc::clone(&self.shared.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends it and waits for its thread, as dropping it does.
    pub fn stop(self) {}
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.shared.end();
        if let Some(thread) = self.thread.take() {
            // A callback that panicked has said so already.
            let _ = thread.join();
        }
    }
}
