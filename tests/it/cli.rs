//! The command line as a process: exit statuses, streams, formats, the examples that its help shows.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const MEMCALC: &str = env!("CARGO_BIN_EXE_memcalc");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A command without anything of this machine's environment that memcalc would look at.
fn memcalc(args: &[&str]) -> Command {
    let mut command = Command::new(MEMCALC);
    command.args(args).current_dir(root());
    for name in [
        "FLINK_CONF_DIR",
        "FLINK_VERSION",
        "FLINK_TM_HEAP",
        "FLINK_JM_HEAP",
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
        "LC_ALL",
        "LANG",
    ] {
        command.env_remove(name);
    }
    command
}

fn run(args: &[&str]) -> Output {
    memcalc(args).output().unwrap()
}

fn with_input(args: &[&str], input: &str) -> Output {
    let mut child =
        memcalc(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", stdout(output)))
}

/// A text against its golden file; `BLESS=1` writes it.
fn golden(name: &str, text: &str) {
    let path = root().join("tests/data/cli").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{} (BLESS=1 writes it)", path.display());
}

#[test]
fn exit_statuses() {
    for (args, expected) in [
        (&["taskmanager", "conf/flink-conf.yaml"][..], 0),
        (&["jobmanager", "conf"], 0),
        (&["check", "conf/config.yaml"], 0),
        (&["check", "conf/broken/heap-against-xmx.yaml"], 1),
        (&["check", "conf/broken/heap-against-xmx.yaml", "--fail-on", "never"], 0),
        (&["check", "conf/broken/heap-against-xmx.yaml", "--ignore", "MEM0008"], 0),
        // what Flink refuses stays refused, whichever rules were selected
        (&["check", "conf/broken/small-taskmanager.yaml", "--select", "MEM0008"], 3),
        (&["check", "conf/broken/small-taskmanager.yaml"], 3),
        (&["taskmanager", "conf/broken/small-taskmanager.yaml"], 3),
        (&["explain", "conf/broken/small-taskmanager.yaml"], 3),
        (&["draw", "conf/broken/small-taskmanager.yaml"], 3),
        (&["fleet", "conf/broken/kubernetes-unit.yaml"], 3),
        (&["fleet", "conf/config.yaml"], 0),
        (&["taskmanager"], 2),
        (&["taskmanager", "no/such/file.yaml"], 2),
        (&["taskmanager", "src"], 2),
        (&["taskmanager", "conf", "--configDir", "conf"], 2),
        (&["taskmanager", "conf", "--flink-version", "1.9"], 2),
        (&["taskmanager", "-D", "novalue"], 2),
        (&["check", "conf", "--select", "MEM9999"], 2),
        (&["rule", "MEM9999"], 2),
        (&["explain", "manged", "conf"], 2),
        (&["frobnicate"], 2),
        (&["batch"], 2),
    ] {
        let output = run(args);
        assert_eq!(status(&output), expected, "{args:?}\n{}", stderr(&output));
        if expected == 2 {
            assert_eq!(stdout(&output), "", "{args:?}");
            let said = stderr(&output);
            assert!(said.lines().any(|line| line.starts_with("error: ")), "{args:?}: {said}");
        }
    }
}

#[test]
fn texts_for_people() {
    let text = |args: &[&str]| stdout(&memcalc(args).env("COLUMNS", "100").output().unwrap());
    golden("taskmanager.txt", &text(&["taskmanager", "conf/flink-conf.yaml", "--flink-version", "1.11"]));
    golden("jobmanager.txt", &text(&["jobmanager", "conf/flink-conf.yaml"]));
    golden("taskmanager.md", &text(&["taskmanager", "conf/config.yaml", "-o", "markdown"]));
    golden("taskmanager.env", &text(&["taskmanager", "conf/config.yaml", "-o", "env"]));
    golden("explain-network.txt", &text(&["explain", "network", "conf/flink-conf.yaml"]));
    golden("explain.txt", &text(&["explain", "conf/plimsoll.toml"]));
    golden("explain-jobmanager.txt", &text(&["explain", "--process", "jm", "heap", "conf/config.yaml"]));
    golden("fleet.txt", &text(&["fleet", "conf", "--sort", "path"]));
    golden("fleet.csv", &text(&["fleet", "conf", "--sort", "findings", "-o", "csv"]));
}

/// The picture in the README is the one that the command draws.
#[test]
fn the_picture_of_the_readme() {
    let svg = stdout(&run(&["draw", "conf/flink-conf.yaml"]));
    golden("../../../conf/memory.svg", &svg);
}

/// The session that the README shows is a real one.
#[test]
fn the_session_of_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, session) = readme.split_once("```console\n").unwrap();
    let (session, _) = session.split_once("```").unwrap();
    let mut shown = 0;
    for block in session.split("$ memcalc ").skip(1) {
        let (args, text) = block.split_once('\n').unwrap();
        let args: Vec<&str> = args.split_whitespace().take_while(|word| *word != ">").collect();
        let real = stdout(&run(&args));
        for line in text.lines().filter(|line| !line.is_empty() && *line != "…") {
            assert!(real.lines().any(|real| real == line), "{args:?} does not print {line:?}");
            shown += 1;
        }
    }
    assert!(shown > 25, "{shown}");
}

#[test]
fn texts_of_refusals() {
    let text = |args: &[&str]| stderr(&memcalc(args).env("COLUMNS", "100").output().unwrap());
    golden("refused.txt", &text(&["taskmanager", "conf/broken/small-taskmanager.yaml"]));
    golden("no-configuration.txt", &text(&["taskmanager"]));
    golden("no-pool.txt", &text(&["explain", "netwrok", "conf"]));
    golden("no-rule.txt", &text(&["check", "conf", "--ignore", "heapflag"]));
    golden("no-file.txt", &text(&["taskmanager", "no/such/file.yaml"]));
    let broken = with_input(&["check", "-", "--flink-version", "2.3"], "a: 1\nb: [x\nc: 2\n");
    assert_eq!((status(&broken), stdout(&broken)), (3, String::new()));
    golden("malformed.txt", &stderr(&broken));
}

#[test]
fn every_file_of_conf_broken_is_reported() {
    for name in
        ["heap-against-xmx", "kubernetes-unit", "overhead-out-of-range", "removed-keys", "small-taskmanager"]
    {
        let path = format!("conf/broken/{name}.yaml");
        let output = run(&["check", &path]);
        golden(&format!("check-{name}.txt"), &stdout(&output));
    }
}

#[test]
fn json_has_a_schema_version() {
    for args in [
        &["taskmanager", "conf", "-o", "json"][..],
        &["jobmanager", "conf", "-o", "json"],
        &["explain", "conf", "-o", "json"],
        &["check", "conf", "-o", "json"],
        &["fleet", "conf", "-o", "json"],
        &["rule", "-o", "json"],
        &["rule", "heap-flag", "-o", "json"],
    ] {
        let output = run(args);
        assert_eq!(json(&output)["schema_version"], 1, "{args:?}");
    }
    let sarif = json(&run(&["check", "conf/broken/removed-keys.yaml", "-o", "sarif"]));
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["runs"][0]["results"].as_array().unwrap().len() >= 4);
    let github = stdout(&run(&["check", "conf/broken/removed-keys.yaml", "-o", "github"]));
    assert!(github.lines().all(|line| line.starts_with("::")), "{github}");
}

/// Bytes in JSON are those that the text prints.
#[test]
fn json_holds_raw_bytes() {
    let output = run(&["taskmanager", "-o", "json", "-D", "taskmanager.memory.process.size=1728m"]);
    let json = json(&output);
    assert_eq!(json["totals"]["process"], 1_811_939_328_u64);
    let pool = |name: &str| {
        let pools = json["pools"].as_array().unwrap();
        pools.iter().find(|pool| pool["name"] == name).unwrap()["bytes"].as_u64().unwrap()
    };
    assert_eq!(
        (pool("managed"), pool("network"), pool("task_heap")),
        (536_870_920, 134_217_730, 402_653_174)
    );
}

#[test]
fn where_the_configuration_comes_from() {
    let process = |output: &Output| json(output)["totals"]["process"].as_u64().unwrap();
    let gibibytes = |n: u64| n << 30;
    let conf = "taskmanager.memory.process.size: 4g\n";
    let from_stdin = with_input(&["tm", "-", "-o", "json"], conf);
    assert_eq!(process(&from_stdin), gibibytes(4));
    let over = with_input(&["tm", "-", "-o", "json", "-D", "taskmanager.memory.process.size=8g"], conf);
    assert_eq!(process(&over), gibibytes(8));

    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    fs::write(dir.join("flink-conf.yaml"), "taskmanager.memory.process.size: 2g\n").unwrap();
    let dir_text = dir.to_str().unwrap();
    assert_eq!(process(&run(&["tm", dir_text, "-o", "json"])), gibibytes(2));
    assert_eq!(process(&run(&["tm", "--configDir", dir_text, "-o", "json"])), gibibytes(2));
    let by_environment = memcalc(&["tm", "-o", "json"]).env("FLINK_CONF_DIR", dir).output().unwrap();
    assert_eq!(process(&by_environment), gibibytes(2));

    // 2.x reads no flink-conf.yaml; the default follows the file that is there
    let modern = run(&["tm", dir_text, "--flink-version", "2.3", "-o", "json"]);
    assert_eq!(status(&modern), 2);
    assert!(stderr(&modern).contains("none of config.yaml, plimsoll.toml"), "{}", stderr(&modern));
    fs::write(dir.join("config.yaml"), "taskmanager:\n  memory:\n    process.size: 3g\n").unwrap();
    assert_eq!(process(&run(&["tm", dir_text, "--flink-version", "2.3", "-o", "json"])), gibibytes(3));
    assert_eq!(process(&run(&["tm", dir_text, "--flink-version", "1.20", "-o", "json"])), gibibytes(2));
}

/// Refusals of our own are no refusals of Flink's.
#[test]
fn what_is_too_large_or_malformed_by_our_rules() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("flink-conf.yaml");
    fs::write(&path, "a: b\n".repeat(4 << 20)).unwrap();
    let output = run(&["check", path.to_str().unwrap()]);
    assert_eq!(status(&output), 2);
    let said = stderr(&output);
    assert!(said.contains("has 20971520 bytes, more than the 16777216 that are read"), "{said}");
    let toml = with_input(&["check", "-", "--format", "toml"], "a = \n");
    assert_eq!(status(&toml), 2, "{}", stderr(&toml));
    let list = with_input(&["check", "-"], "- a\n");
    assert_eq!(status(&list), 3);
    assert!(stderr(&list).contains("the file is no map"), "{}", stderr(&list));
}

#[test]
fn a_file_that_the_version_does_not_read() {
    let note = |args: &[&str]| stderr(&run(args));
    let said = note(&["tm", "conf/flink-conf.yaml", "--flink-version", "2.3"]);
    assert!(said.starts_with("note: Flink 2.3 reads config.yaml only"), "{said}");
    let said = note(&["tm", "conf/config.yaml", "--flink-version", "1.18"]);
    assert!(said.contains("note: Flink 1.18 reads flink-conf.yaml only"), "{said}");
    assert!(
        said.contains("note: Flink 1.18 was not run for its answers; the rules of 1.20.5 stand in"),
        "{said}"
    );
    let said = note(&["tm", "conf"]);
    assert!(said.starts_with("note: conf holds config.yaml and flink-conf.yaml"), "{said}");
    assert_eq!(note(&["tm", "conf/config.yaml"]), "");
}

#[test]
fn a_fleet_with_something_unreadable() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    fs::create_dir(dir.join("a")).unwrap();
    fs::copy(root().join("conf/config.yaml"), dir.join("a/config.yaml")).unwrap();
    let missing = dir.join("gone.yaml");
    let output = run(&["fleet", dir.to_str().unwrap(), missing.to_str().unwrap(), "-o", "json"]);
    assert_eq!(status(&output), 2);
    let total = &json(&output)["total"];
    assert_eq!(
        (&total["configurations"], &total["unreadable"], &total["refused"]),
        (&2.into(), &1.into(), &0.into())
    );
}

#[test]
fn legacy_environment() {
    let args = ["tm", "-o", "json", "--flink-version", "1.11", "-D", "x=y"];
    let output = memcalc(&args).env("FLINK_TM_HEAP", "1280m").output().unwrap();
    assert_eq!(json(&output)["totals"]["flink"], 1_342_177_280_u64);
    let later = ["tm", "-o", "json", "--flink-version", "2.3", "-D", "x=y"];
    assert_eq!(status(&memcalc(&later).env("FLINK_TM_HEAP", "1280m").output().unwrap()), 3);
    // every command obeys it, and quotes Flink where it is wrong
    let check = ["check", "--flink-version", "1.11", "-D", "taskmanager.memory.jvm-metaspace.size=300m"];
    assert_eq!(status(&memcalc(&check).output().unwrap()), 3);
    assert_eq!(status(&memcalc(&check).env("FLINK_TM_HEAP", "4g").output().unwrap()), 0);
    let wrong = memcalc(&args).env("FLINK_TM_HEAP", "4Gi").output().unwrap();
    assert_eq!(status(&wrong), 3);
    let said = stderr(&wrong);
    assert!(
        said.contains("Cannot read total process memory size from environment variable value 4Gi"),
        "{said}"
    );
    let explained = ["explain", "flink", "--flink-version", "1.11", "-D", "x=y"];
    let output = memcalc(&explained).env("FLINK_TM_HEAP", "1280m").output().unwrap();
    assert!(stdout(&output).contains("environment variable FLINK_TM_HEAP"), "{}", stdout(&output));
}

#[test]
fn colours() {
    let has_escape = |output: &Output| output.stdout.contains(&0x1b);
    let args = ["taskmanager", "conf"];
    assert!(!has_escape(&run(&args)), "a pipe is not coloured");
    assert!(has_escape(&run(&["taskmanager", "conf", "--color", "always"])));
    let forced = memcalc(&args).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(has_escape(&forced));
    let no = memcalc(&args).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap();
    assert!(!has_escape(&no), "NO_COLOR is stronger");
    // never the only carrier: without escapes the words are the same
    let plain = stdout(&run(&["check", "conf/broken/removed-keys.yaml"]));
    let colored = stdout(&run(&["check", "conf/broken/removed-keys.yaml", "--color", "always"]));
    for word in ["error[MEM0002]", "warning[MEM0014]"] {
        assert!(plain.contains(word));
    }
    assert!(colored.contains('\u{1b}'));
}

#[test]
fn versions_between_two_verified_ones_say_so() {
    let text = stdout(&run(&["tm", "conf/flink-conf.yaml", "--flink-version", "1.15"]));
    assert!(text.contains("Flink 1.15 (by the rules of 1.11.4)"), "{text}");
    let text = stdout(&run(&["tm", "conf/flink-conf.yaml", "--flink-version", "1.20.5"]));
    assert!(text.starts_with("conf/flink-conf.yaml, Flink 1.20.5\n"), "{text}");
}

#[test]
fn job_manager_of_1_10() {
    let output = run(&["jobmanager", "--flink-version", "1.10", "-D", "jobmanager.heap.size=2g"]);
    assert_eq!((stdout(&output).as_str(), status(&output)), ("-Xms2048m -Xmx2048m\n", 0));
    assert_eq!(status(&run(&["jobmanager", "--flink-version", "1.10", "-D", "jobmanager.heap.size=x"])), 3);
    assert_eq!(status(&run(&["explain", "--process", "jm", "--flink-version", "1.10", "conf"])), 2);
}

#[test]
fn batch_goes_on_after_a_bad_line() {
    let input = "{\"id\":1,\"target\":\"memsize\",\"text\":\"1k\"}\nnonsense\n\n[1]\n{\"id\":2,\"target\":\"x\"}\n\
                 {\"id\":\"\\u00e9\",\"target\":\"memsize\",\"text\":\"1\\\"m\"}";
    let output = with_input(&["batch", "--flink-version", "2.3"], input);
    let answers: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 5);
    assert_eq!(answers[0]["bytes"], 1024);
    assert_eq!((&answers[1]["error"], &answers[2]["error"]), (&"BadRequest".into(), &"BadRequest".into()));
    assert_eq!(answers[3]["message"], "unknown target x");
    assert_eq!(answers[4]["id"], "é");
    assert_eq!(status(&output), 0);
}

#[test]
fn batch_survives_a_line_without_end() {
    let mut input = "x".repeat(memcalc::batch::LINE_BYTES_MAX + 10);
    input += "\n{\"id\":7,\"target\":\"version\"}\n{\"id\":8,\"target\":\"memsize\",\"text\":\"2\"}\n";
    let output = with_input(&["batch", "--flink-version", "1.11"], &input);
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains("longer than 16777216 bytes"), "{}", lines[0]);
    assert!(lines[2].contains("\"bytes\":2"), "{}", lines[2]);
}

/// A program that waits for each answer before it asks again gets it.
#[test]
fn batch_answers_at_once() {
    let mut child = memcalc(&["batch", "--flink-version", "1.20"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut questions = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    for id in 0..3 {
        writeln!(questions, "{{\"id\":{id},\"target\":\"memsize\",\"text\":\"{id}k\"}}").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert!(answer.contains(&format!("\"bytes\":{}", id * 1024)), "{answer}");
    }
    drop(questions);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = memcalc(&["rule"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((stderr(&output).as_str(), status(&output)), ("", 0));
}

#[test]
fn nothing_is_half_written() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("memory.svg");
    let path = out.to_str().unwrap();
    assert_eq!(status(&run(&["draw", "conf", "--out", path])), 0);
    let whole = fs::read_to_string(&out).unwrap();
    assert!(whole.starts_with("<svg") && whole.trim_end().ends_with("</svg>"));
    // a refused configuration leaves the earlier picture alone
    assert_eq!(status(&run(&["draw", "conf/broken/small-taskmanager.yaml", "--out", path])), 3);
    assert_eq!(fs::read_to_string(&out).unwrap(), whole);
    let nowhere = temp.path().join("no/such/directory.svg");
    let output = run(&["draw", "conf", "--out", nowhere.to_str().unwrap()]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("cannot write"), "{}", stderr(&output));
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let conf = "taskmanager.memory.process.size: \u{1b}[31m4g\n\u{1b}]0;x\u{7}: y\n";
    for args in [&["check", "-", "--flink-version", "1.11"][..], &["tm", "-", "--flink-version", "1.11"]] {
        let output = with_input(args, conf);
        assert!(!output.stdout.contains(&0x1b), "{args:?}: {}", stdout(&output));
        assert!(!output.stderr.contains(&0x1b), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn completions_and_manual() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = stdout(&run(&["completions", shell]));
        assert!(text.contains("bash-java-utils") && text.contains("flink-version"), "{shell}");
    }
    let page = stdout(&run(&["man"]));
    assert!(page.starts_with(".ie") && page.contains(".TH memcalc") && page.contains("fail\\-on"), "{page}");
}

/// Help shows examples first, and every example works as it stands.
#[test]
fn the_examples_of_the_help_run() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    for (from, to) in [
        ("conf/flink-conf.yaml", "conf/flink-conf.yaml"),
        ("conf/flink-conf.yaml", "flink-conf.yaml"),
        ("conf/config.yaml", "config.yaml"),
        ("conf/flink-conf.yaml", "clusters/a/flink-conf.yaml"),
        ("conf/flink-conf.yaml", "a/flink-conf.yaml"),
        ("conf/config.yaml", "b/config.yaml"),
    ] {
        fs::create_dir_all(dir.join(to).parent().unwrap()).unwrap();
        fs::copy(root().join(from), dir.join(to)).unwrap();
    }
    fs::write(dir.join("docker.env"), "MALLOC_ARENA_MAX=1\n").unwrap();
    fs::write(dir.join("requests.jsonl"), "{\"id\":1,\"target\":\"memsize\",\"text\":\"1k\"}\n").unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let mut search = vec![Path::new(MEMCALC).parent().unwrap().to_owned()];
    search.extend(std::env::split_paths(&path));
    let path = std::env::join_paths(search).unwrap();
    let mut run_examples = 0;
    for command in [
        "",
        "taskmanager",
        "jobmanager",
        "explain",
        "check",
        "draw",
        "batch",
        "bash-java-utils",
        "fleet",
        "rule",
        "completions",
        "man",
    ] {
        let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = stdout(&run(&args));
        let examples = help.find("Example").unwrap_or_else(|| panic!("no example in the help of {command}"));
        assert!(examples < help.find("Usage:").unwrap(), "{command}: examples come first");
        for line in help[examples..].lines().skip(1).take_while(|line| line.starts_with("  ")) {
            let line = line.trim();
            let (example, _) = line.split_once("   ").unwrap_or((line, ""));
            let example =
                example.replace("/etc/bash_completion.d/memcalc", "completion").replace("man -l -", "cat");
            let output = Command::new("sh")
                .args(["-c", &example])
                .current_dir(dir)
                .env("PATH", &path)
                .env_remove("FLINK_CONF_DIR")
                .output()
                .unwrap();
            assert!(matches!(status(&output), 0 | 1), "{example}\n{}", stderr(&output));
            run_examples += 1;
        }
    }
    assert!(run_examples >= 25, "{run_examples}");
}

/// The shim that stands in for `java` hands the start-up call to memcalc and everything else on.
#[test]
fn the_java_shim() {
    let shim: PathBuf = root().join("conf/shim/bin/java");
    let call = |args: &[&str]| {
        let output = Command::new(&shim)
            .args(args)
            .env("PLIMSOLL_MEMCALC", MEMCALC)
            .env("PLIMSOLL_JAVA", "echo")
            .env("PLIMSOLL_FLINK_VERSION", "1.11")
            .current_dir(root())
            .output()
            .unwrap();
        stdout(&output)
    };
    let class = "org.apache.flink.runtime.util.bash.BashJavaUtils";
    let answer = call(&["-classpath", "x.jar", class, "GET_TM_RESOURCE_PARAMS", "--configDir", "conf"]);
    assert!(answer.contains("BASH_JAVA_UTILS_EXEC_RESULT:-Xmx"), "{answer}");
    assert_eq!(call(&["-version"]), "-version\n");
}
