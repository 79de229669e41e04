//! What a process publishes is shown, changes as it changes, goes when it goes; and a file that is wrong is named.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use plimsoll_memory::report::publish::{PublishError, Publisher};
use plimsoll_memory::report::{Profile, Report, Role, proc};

use super::{MIB, Publishing, refused, run, runtime, shown, top};

#[test]
fn pools_owners_and_drift() {
    let runtime = runtime();
    let process = Publishing::start(runtime.path());
    let text = shown(&run(runtime.path(), &[&process.pid(), "--once"]));
    let line = |start: &str| {
        text.lines().rfind(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"))
    };
    let words = |start: &str| {
        line(start).split_whitespace().skip(start.split(' ').count()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("managed: "), "managed: 1 reservation refused");
    assert!(words("├─ slot 0").starts_with("256.0 MiB 96 MiB 37.5 % 96 MiB ████"), "{text}");
    assert!(words("└─ slot 1").starts_with("256.0 MiB 250 MiB 97.7 % 250 MiB ████"), "{text}");
    let owners: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("owner")).skip(1).collect();
    assert!(owners[0].starts_with("join buffer") && owners[0].contains("250 MiB"), "{text}");
    assert!(owners[1].starts_with("window state") && owners[1].contains("32 MiB"), "{text}");
    assert!(line("drift").starts_with("drift +256 KiB (<0.1 % of the process) · measured "), "{text}");

    let json = shown(&run(runtime.path(), &[&process.pid(), "-o", "json"]));
    let report = Report::from_json(json.as_bytes()).unwrap();
    assert_eq!(report.process.pid.to_string(), process.pid());
    assert_eq!((report.process.role, report.profile), (Role::TaskManager, Profile::Native));
    assert_eq!(report.total_bytes, Some(1728 * MIB));
    let managed = report.pools.iter().find(|pool| pool.name == "managed").unwrap();
    assert_eq!((managed.held_bytes, managed.refusals, managed.pools.len()), (346 * MIB, 1, 2));
    let sum: u64 = report.pools.iter().map(|pool| pool.limit_bytes).sum();
    assert_eq!(sum, 1728 * MIB, "the pools are the process");

    let page = shown(&run(runtime.path(), &[&process.pid(), "-o", "prometheus"]));
    let sample = format!("plimsoll_pool_held_bytes{{pool=\"managed\",level=\"slot 1\"}} {}", 250 * MIB);
    assert!(page.lines().any(|line| line == sample), "{page}");
    process.end();
}

/// Where it is piped, one report after the other until the process ends.
#[test]
fn one_report_after_the_other() {
    let runtime = runtime();
    let mut process = Publishing::start(runtime.path());
    let mut watching = top(runtime.path(), &[&process.pid(), "--interval", "0.1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines().map(Result::unwrap);
    let slot = |line: &String| line.starts_with("window state");
    let first = lines.find(slot).unwrap();
    assert!(first.contains(" 96 MiB"), "{first}");
    process.hold(40);
    let later = lines.by_ref().filter(slot).take(100).find(|line| line.contains(" 136 MiB"));
    assert!(later.is_some(), "it never showed what is held now");
    let pid = process.pid();
    process.end();
    let rest: Vec<String> = lines.collect();
    assert!(!rest.iter().any(|line| line.contains('\x1b')), "{rest:?}");
    let output = watching.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said), (Some(0), format!("note: process {pid} has ended\n")));
}

/// A reader that has had enough ends it.
#[test]
fn a_reader_that_goes_away() {
    let runtime = runtime();
    let process = Publishing::start(runtime.path());
    let mut watching = top(runtime.path(), &[&process.pid(), "--interval", "0.1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(watching.stdout.take());
    let output = watching.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    process.end();
}

#[test]
fn the_file_goes_with_the_process_unless_it_is_killed() {
    let runtime = runtime();
    let directory = runtime.path().join("plimsoll");
    let name_of = |file: std::io::Result<fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
    let files = || fs::read_dir(&directory).unwrap().map(name_of).collect::<Vec<String>>();
    let process = Publishing::start(runtime.path());
    let name = format!("{}.json", process.pid());
    assert_eq!(files(), std::slice::from_ref(&name));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&directory), mode(&directory.join(&name))), (0o700, 0o600));
    process.end();
    assert!(files().is_empty());

    let process = Publishing::start(runtime.path());
    let pid = process.pid();
    process.kill();
    assert_eq!(files(), [format!("{pid}.json")]);
    let said = refused(&run(runtime.path(), &[&pid]));
    assert!(said.starts_with(&format!("error: there is no process {pid}\n")), "{said}");
}

/// A file in this process's name: memcalc finds the process, and then this.
fn with_file(write: impl FnOnce(&Path)) -> (PathBuf, String) {
    let runtime = runtime();
    let directory = runtime.path().join("plimsoll");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
    let path = directory.join(format!("{}.json", std::process::id()));
    write(&path);
    let said = refused(&run(runtime.path(), &[&std::process::id().to_string()]));
    (path, said)
}

fn own() -> Report {
    Report::new(proc::own_process(Role::Other).unwrap(), Profile::Native, proc::now_unix_ms())
}

#[test]
fn a_file_that_is_wrong_is_named() {
    let release = "help: use the memcalc of the same release as the process\n";
    let json = own().to_json();
    let malformed = |text: &str, why: &str| {
        let (path, said) = with_file(|path| fs::write(path, text).unwrap());
        assert_eq!(
            said,
            format!("error: {} is no report that can be read: {why}\n{release}", path.display())
        );
    };
    malformed(&json[..20], "it is half written: the JSON ends too early, after 20 bytes");
    malformed("", "it is empty");
    malformed(
        "Segmentation fault\n",
        "it is no JSON at line 1, column 1; it begins with 'Segmentation fault'",
    );
    malformed(
        &json.replace("\"version\": 1", "\"version\": 9"),
        "it is a report of version 9, and version 1 is read here",
    );

    let pid = std::process::id();
    let mut earlier = own();
    earlier.process.started_ticks -= 1;
    let (path, said) = with_file(|path| fs::write(path, earlier.to_json()).unwrap());
    assert_eq!(
        said,
        format!(
            "error: {} is of an earlier process {pid}, which ended without removing it\n\
             help: remove it; the process {pid} of now publishes nothing\n",
            path.display()
        )
    );
    let (path, said) = with_file(|path| fs::File::create(path).unwrap().set_len((16 << 20) + 1).unwrap());
    assert_eq!(
        said,
        format!(
            "error: the report {} has 16777217 bytes, more than the 16777216 that are written and read\n",
            path.display()
        )
    );
    let no_file =
        |path: &Path| format!("error: {} is no file, and a report is one\nhelp: remove it\n", path.display());
    let (path, said) = with_file(|path| symlink("/etc/hostname", path).unwrap());
    assert_eq!(said, no_file(&path));
    let (path, said) = with_file(|path| fs::create_dir(path).unwrap());
    assert_eq!(said, no_file(&path));
    let (path, said) = with_file(|path| {
        fs::write(path, own().to_json()).unwrap();
        fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    });
    let directory = path.parent().unwrap().display().to_string();
    assert_eq!(
        said,
        format!(
            "error: {directory} has mode 0755, and others than its owner may not enter\nhelp: chmod 700 {directory}\n"
        )
    );
}

/// An old report is shown, and says so first.
#[test]
fn an_old_report() {
    let runtime = runtime();
    let publisher = Publisher::open(&runtime.path().join("plimsoll")).unwrap();
    let mut old = own();
    old.at_unix_ms -= 75_000;
    publisher.publish(&old).unwrap();
    let text = shown(&run(runtime.path(), &[&std::process::id().to_string(), "--once"]));
    assert!(text.lines().next().unwrap().contains("REPORT 75 S OLD"), "{text}");
}

/// A place that somebody else could have prepared is refused.
#[test]
fn a_directory_that_is_not_safe() {
    let runtime = runtime();
    let directory = runtime.path().join("plimsoll");
    let opened = || Publisher::open(&directory).err().unwrap();
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o770)).unwrap();
    assert_eq!(opened(), PublishError::Open { path: directory.clone(), mode: 0o770 });
    fs::remove_dir(&directory).unwrap();
    let elsewhere = runtime.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, &directory).unwrap();
    assert_eq!(opened(), PublishError::NotADirectory { path: directory.clone() });
    let nowhere = runtime.path().join("no/such");
    let error = Publisher::open(&nowhere).err().unwrap().to_string();
    assert!(error.starts_with(&format!("reports cannot be kept in {}: ", nowhere.display())), "{error}");
    // another user's: only root can make one here
    let foreign = runtime.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    if std::os::unix::fs::chown(&foreign, Some(12345), None).is_ok() {
        let user = proc::own_user().unwrap();
        let expected = PublishError::Foreign { path: foreign.clone(), owner: 12345, user };
        assert_eq!(Publisher::open(&foreign).err().unwrap(), expected);
    }
}

/// A reader sees the report before or the report after, never half of one.
#[test]
fn a_report_is_replaced_as_a_whole() {
    let runtime = runtime();
    let directory = runtime.path().join("plimsoll");
    let publisher = Publisher::open(&directory).unwrap();
    let mut report = own();
    publisher.publish(&report).unwrap();
    let process = report.process.clone();
    let user = proc::own_user().unwrap();
    let count = 300;
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            while last < count {
                let read =
                    plimsoll_memory::report::publish::read(&directory, &process, user).unwrap().unwrap();
                let now = read.total_bytes.unwrap_or(0);
                assert!(now >= last && read.pools.len() as u64 == now, "{now} after {last}");
                last = now;
            }
        });
        let pool = plimsoll_memory::budget::Pool::root("managed", 1 << 30).unwrap().usage();
        for n in 1..=count {
            report.total_bytes = Some(n);
            report.pools.push(pool.clone());
            publisher.publish(&report).unwrap();
        }
        reader.join().unwrap();
    });
}
