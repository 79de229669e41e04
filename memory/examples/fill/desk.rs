//! Where others learn of the process: a file for `memcalc top PID`, an address for `memcalc top URL` and Prometheus.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use plimsoll_memory::probe::Observation;
use plimsoll_memory::report::publish::{Publisher, own_directory};
use plimsoll_memory::report::{ArenaUsage, Report, Role, TextStyle, proc, prometheus, text};

use crate::ship::Ship;

/// A request is a line or two; nobody is listened to for longer.
const REQUEST_BYTES_MAX: u64 = 8 << 10;
const PATIENCE: Duration = Duration::from_secs(2);

/// The last report, and the file it stands in.
pub(crate) struct Desk {
    publisher: Publisher,
    last: Mutex<Option<Report>>,
}

impl Desk {
    /// # Errors
    /// The directory for reports cannot be used.
    pub(crate) fn open() -> Result<Arc<Self>, Box<dyn Error>> {
        let user = proc::own_user()?;
        let directory = own_directory(std::env::var_os("XDG_RUNTIME_DIR").as_deref(), user);
        let publisher = Publisher::open(&directory)?;
        println!("see it with: memcalc top {} ({})", std::process::id(), publisher.path().display());
        Ok(Arc::new(Self { publisher, last: Mutex::new(None) }))
    }

    /// Publishes what is the case now.
    pub(crate) fn tell(&self, ship: &Ship, observation: &Observation) {
        let report = Report::of_this_process(Role::TaskManager, &ship.budget, Some(observation.clone()));
        let Ok(mut report) = report else { return };
        report.arenas = ship.arenas.iter().map(|bunker| ArenaUsage::of(&bunker.memory)).collect();
        if let Err(error) = self.publisher.publish(&report) {
            eprintln!("warning: {error}");
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    /// Answers at an address until the process ends: `/memory.json`, `/metrics`, anything else as text.
    ///
    /// # Errors
    /// The address cannot be had.
    pub(crate) fn listen(self: &Arc<Self>, address: &str) -> io::Result<()> {
        let listener = TcpListener::bind(address)?;
        let at = listener.local_addr()?;
        println!("and with: memcalc top http://{at}/memory.json, curl http://{at}/metrics");
        let desk = Arc::clone(self);
        thread::Builder::new().name("desk".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                // who went away in between needs no answer
                drop(desk.answer(stream));
            }
        })?;
        Ok(())
    }

    fn answer(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(stream.take(REQUEST_BYTES_MAX));
        let mut request = String::new();
        reader.read_line(&mut request)?;
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        let report = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (status, kind, body) = match (report, request.split(' ').nth(1)) {
            (None, _) => ("503 Service Unavailable", "text/plain", "not observed yet\n".to_owned()),
            (Some(report), Some("/memory.json")) => {
                ("200 OK", "application/json", serde_json::to_string(&report)?)
            }
            (Some(report), Some("/metrics")) => ("200 OK", "text/plain; version=0.0.4", prometheus(&report)),
            (Some(report), _) => {
                let style = TextStyle {
                    width: 100,
                    unicode: true,
                    colour: false,
                    owners_max: 20,
                    now_unix_ms: report.at_unix_ms,
                };
                ("200 OK", "text/plain; charset=utf-8", text(&report, &style))
            }
        };
        let length = body.len();
        let mut stream = reader.into_inner().into_inner();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    }
}
