//! From a number or an address to a report.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use plimsoll_memory::probe::Probe;
use plimsoll_memory::report::publish::{Publishing, publishing, read, readable_directories};
use plimsoll_memory::report::{Process, Profile, Report, Role, proc};

use super::TopError;
use super::fetch::Address;

/// What is looked at.
#[derive(Debug)]
pub(crate) enum Source {
    /// A process of this machine.
    Process(Box<Watched>),
    /// A report over HTTP.
    Address(Box<Address>),
}

/// A process of this machine.
#[derive(Debug)]
pub(crate) struct Watched {
    pid: u32,
    /// The one that was seen first: another of the same number is another.
    seen: Option<Process>,
    probe: Probe,
    /// `XDG_RUNTIME_DIR`.
    runtime: Option<OsString>,
}

impl Source {
    /// What the user's word means. `runtime` is `XDG_RUNTIME_DIR`.
    pub(crate) fn of(word: &str, runtime: Option<OsString>, timeout: Duration) -> Result<Self, TopError> {
        let begins =
            |scheme: &str| word.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        if begins("http://") {
            return Ok(Self::Address(Box::new(Address::new(word, timeout))));
        }
        if begins("https://") {
            return Err(TopError::Encrypted { address: word.escape_debug().to_string() });
        }
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        match word.parse() {
            Ok(pid) if is_number && pid > 0 => {
                let watched = Watched { pid, seen: None, probe: Probe::of(pid), runtime };
                Ok(Self::Process(Box::new(watched)))
            }
            _ => Err(TopError::Target { text: word.to_owned() }),
        }
    }

    /// The report of now.
    pub(crate) fn look(&mut self) -> Result<Report, TopError> {
        match self {
            Self::Process(watched) => watched.look(),
            Self::Address(address) => address.fetch(),
        }
    }
}

impl Watched {
    fn look(&mut self) -> Result<Report, TopError> {
        let process = self.process()?;
        match self.published(&process)? {
            Some(report) => Ok(report),
            None => self.observed(process),
        }
    }

    fn process(&mut self) -> Result<Process, TopError> {
        let found = proc::process(self.pid, Role::Other).map_err(|error| self.unobservable(&error))?;
        let same = |process: &Process| {
            self.seen.as_ref().is_none_or(|seen| seen.started_ticks == process.started_ticks)
        };
        match found.filter(same) {
            Some(process) => {
                self.seen = Some(process.clone());
                Ok(process)
            }
            None if self.seen.is_some() => Err(TopError::Ended { pid: self.pid }),
            None => Err(TopError::NoProcess { pid: self.pid, publishing: self.others() }),
        }
    }

    fn published(&self, process: &Process) -> Result<Option<Report>, TopError> {
        let Some(user) = proc::user(self.pid).map_err(|error| self.unobservable(&error))? else {
            return Err(TopError::Ended { pid: self.pid });
        };
        let mut first = None;
        for directory in self.directories(user) {
            match read(&directory, process, user) {
                Ok(Some(report)) => return Ok(Some(report)),
                Ok(None) => {}
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(None), |error| Err(TopError::Published(error)))
    }

    /// What the kernel tells of a process that publishes nothing.
    fn observed(&mut self, process: Process) -> Result<Report, TopError> {
        let observation = match self.probe.observe() {
            Ok(observation) => observation,
            Err(error) => {
                self.process()?;
                return Err(self.unobservable(&error));
            }
        };
        let report = Report::new(process, Profile::Observed, proc::now_unix_ms());
        Ok(Report { observation: Some(observation), ..report })
    }

    fn directories(&self, user: u32) -> Vec<PathBuf> {
        let own = proc::own_user().unwrap_or(user);
        readable_directories(self.runtime.as_deref(), own, user)
    }

    /// Who of this user could be looked at.
    fn others(&self) -> Vec<Publishing> {
        proc::own_user().map_or_else(|_| Vec::new(), |user| publishing(&self.directories(user), user))
    }

    fn unobservable(&self, error: &impl ToString) -> TopError {
        TopError::Unobservable { pid: self.pid, why: error.to_string() }
    }
}
