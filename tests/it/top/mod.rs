//! `memcalc top` shows what a running process publishes, what the kernel tells of any other, and names what is wrong.

mod address;
mod published;
mod readme;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};

use plimsoll_memory::MemorySize;
use plimsoll_memory::budget::{PartKind, ProcessBudget};
use plimsoll_memory::config::{self, ConfigFile, Format, SourceKind};
use plimsoll_memory::model::version::V1_20;
use plimsoll_memory::model::{Silent, taskmanager};
use plimsoll_memory::probe::{Probe, Term};
use plimsoll_memory::report::publish::Publisher;
use plimsoll_memory::report::{Report, Role};
use tempfile::TempDir;

const MEMCALC: &str = env!("CARGO_BIN_EXE_memcalc");
/// Where the publishing process below publishes.
const DIRECTORY: &str = "PLIMSOLL_TEST_DIRECTORY";
const MIB: u64 = 1 << 20;
/// The drift of the process below.
const UNKNOWN_BYTES: u64 = 256 << 10;

/// A directory that stands for `XDG_RUNTIME_DIR`.
fn runtime() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// `memcalc top` with nothing of this machine's environment.
fn top(runtime: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(MEMCALC);
    command.arg("top").args(args).env("XDG_RUNTIME_DIR", runtime).env("COLUMNS", "100");
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "LC_ALL", "LANG", "http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command
}

fn run(runtime: &Path, args: &[&str]) -> Output {
    top(runtime, args).output().unwrap()
}

/// What a failure says; it says it on standard error alone, with status 2.
#[track_caller]
fn refused(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{said}");
    said
}

#[track_caller]
fn shown(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A process that publishes: this very binary, started again to run one test that waits.
struct Publishing {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<std::process::ChildStdout>,
}

impl Publishing {
    fn start(runtime: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "top::a_process_that_publishes", "--ignored", "--nocapture"])
            .env(DIRECTORY, runtime.join("plimsoll"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut process = Self { child, orders, answers };
        process.published();
        process
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Waits until it says so.
    fn published(&mut self) {
        let mut line = String::new();
        while !line.ends_with("published\n") {
            line.clear();
            assert!(self.answers.read_line(&mut line).unwrap() > 0, "it ended");
        }
    }

    /// Has it hold so many MiB more, and publish.
    fn hold(&mut self, mebibytes: u64) {
        writeln!(self.orders.as_ref().unwrap(), "{mebibytes}").unwrap();
        self.published();
    }

    /// Ends it as it should end.
    fn end(mut self) {
        drop(self.orders.take());
        // what it still says, so that it is not stopped by a closed pipe
        for line in std::io::Read::by_ref(&mut self.answers).lines() {
            line.unwrap();
        }
        assert!(self.child.wait().unwrap().success());
    }

    /// Ends it as it should not.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn budget() -> ProcessBudget {
    let file = ConfigFile {
        path: "conf/flink-conf.yaml",
        absolute_path: "/conf/flink-conf.yaml",
        bytes: b"taskmanager.memory.process.size: 1728m\n",
        format: Format::Lines,
        kind: SourceKind::File,
    };
    let loaded = config::load(&V1_20, &file, &[]).unwrap();
    let process = taskmanager::derive(&loaded.configuration, &V1_20, None, &mut Silent).unwrap();
    ProcessBudget::task_manager(&process, 2, MemorySize::from_mebibytes(0)).unwrap()
}

#[test]
#[ignore = "started by the tests of this module as a process of its own"]
fn a_process_that_publishes() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let publisher = Publisher::open(Path::new(&directory)).unwrap();
    let budget = budget();
    let state = budget.slots()[0].managed.owner("window state").guaranteed(32 * MIB).register().unwrap();
    let join = budget.slots()[1].managed.owner("join buffer").register().unwrap();
    let exchange = budget.pool(PartKind::Network).owner("exchange").register().unwrap();
    let mut held = vec![
        state.try_reserve_shared(96 * MIB).unwrap(),
        join.try_reserve_shared(250 * MIB).unwrap(),
        exchange.try_reserve_shared(64 * MIB).unwrap(),
    ];
    assert!(join.try_reserve(64 * MIB).is_err());
    let mut probe = Probe::own();
    let publish = |probe: &mut Probe| {
        let mut observation = probe.observe().unwrap();
        let mut terms = plimsoll_memory::probe::drift::measured(&observation.bytes);
        let known = observation.bytes.anonymous_bytes.saturating_sub(UNKNOWN_BYTES);
        terms.push(Term::accounted("known", known, "all but a drift of this size"));
        let alarm = plimsoll_memory::probe::Alarm::of_process(budget.total_bytes(), 20);
        let level = plimsoll_memory::probe::DriftLevel::Within;
        observation.drift = Some(plimsoll_memory::probe::Drift::of(terms, &alarm, level));
        let report = Report::of_this_process(Role::TaskManager, &budget, Some(observation)).unwrap();
        publisher.publish(&report).unwrap();
        println!("\npublished");
    };
    publish(&mut probe);
    for line in std::io::stdin().lines() {
        held.push(state.try_reserve_shared(line.unwrap().parse::<u64>().unwrap() * MIB).unwrap());
        publish(&mut probe);
    }
}

/// Words that mean nothing are refused with what would mean something.
#[test]
fn what_can_be_looked_at() {
    let runtime = runtime();
    let said = |word: &str| refused(&run(runtime.path(), &[word]));
    let neither = "is neither the number of a process nor an http:// address\n\
                   help: memcalc top 4711, or memcalc top http://localhost:8081/report\n";
    for word in ["taskmanager", "0", "+1", "4294967296", "ftp://localhost/", "http:/localhost", "é", ""] {
        assert_eq!(said(word), format!("error: '{word}' {neither}"));
    }
    assert_eq!(
        said("https://localhost:8081/report"),
        "error: https://localhost:8081/report: https:// is not spoken here, only http://\n\
         help: forward the port (ssh -L 8081:localhost:8081 HOST) and look at http://localhost:8081\n"
    );
    for args in [&["1", "--interval", "0"][..], &["1", "--timeout", "x"], &["1", "--json", "-o", "text"], &[]]
    {
        assert!(refused(&run(runtime.path(), args)).starts_with("error: "), "{args:?}");
    }
}

#[test]
fn a_process_that_is_not_there() {
    let runtime = runtime();
    let mut ended = Command::new("true").spawn().unwrap();
    let pid = ended.id().to_string();
    ended.wait().unwrap();
    let said = refused(&run(runtime.path(), &[&pid]));
    assert!(said.starts_with(&format!("error: there is no process {pid}\nhelp: ")), "{said}");

    let process = Publishing::start(runtime.path());
    let said = refused(&run(runtime.path(), &[&pid]));
    assert!(said.contains(&format!("help: these publish their pools: {} (", process.pid())), "{said}");
    process.end();
}

/// Any process can be looked at from outside.
#[test]
fn a_process_that_publishes_nothing() {
    let runtime = runtime();
    let own = std::process::id().to_string();
    let text = shown(&run(runtime.path(), &[&own, "--once"]));
    assert!(text.contains("It publishes no pools: this is what the kernel tells."), "{text}");
    assert!(text.contains("resident ") && text.contains("anonymous ") && !text.contains("owner"), "{text}");
    let report = Report::from_json(shown(&run(runtime.path(), &[&own, "--json"])).as_bytes()).unwrap();
    let observation = report.observation.unwrap();
    assert_eq!((report.process.pid, report.pools.len(), report.total_bytes), (std::process::id(), 0, None));
    assert!(observation.bytes.anonymous_bytes > 0);
    let cgroup = plimsoll_memory::cgroup::Cgroup::own().unwrap();
    assert_eq!(observation.cgroup.unwrap().limit, cgroup.limit);
}

/// Help shows examples that exist, and the manual has the page.
#[test]
fn help_and_manual() {
    let runtime = runtime();
    let help = shown(&run(runtime.path(), &["--help"]));
    for part in ["Examples:", "memcalc top 4711", "--interval", "waiting_bytes", "drift_bytes"] {
        assert!(help.contains(part), "{part}: {help}");
    }
    assert!(help.lines().all(|line| line.len() <= 120), "{help}");
    // every field that the help names stands in a report, and the other way round
    let golden = fs::read_to_string("memory/src/report/testdata/report.json").unwrap();
    let json: serde_json::Value = serde_json::from_str(&golden).unwrap();
    let fields = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let named = [&json, &json["process"], &json["pools"][2], &json["arenas"][0], &json["heap"]];
    for field in named.into_iter().flat_map(fields) {
        assert!(help.contains(&field), "{field} is not in the help");
    }
    let manual = Command::new(MEMCALC).arg("man").output().unwrap();
    assert!(shown(&manual).contains("memcalc top"));
}
