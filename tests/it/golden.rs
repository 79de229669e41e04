//! The answers of real Flink, recorded, against ours: whole answers, every field, text and order.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use memcalc::batch;
use plimsoll_memory::model::{Ruleset, Version};
use serde_json::Value;

fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden").join(name);
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn lines(name: &str) -> Vec<Value> {
    data(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn rules(version: &str) -> &'static Ruleset {
    Ruleset::of(version.parse::<Version>().unwrap())
}

/// Every answer, byte for byte: equal texts are equal fields in equal order.
fn batch_equals(version: &str) {
    let mut requests = String::new();
    let mut expected = String::new();
    for line in lines(&format!("{version}.jsonl.gz")) {
        requests += &format!("{}\n", line["request"]);
        expected += &format!("{}\n", line["answer"]);
    }
    let mut answers = Vec::new();
    batch::run(rules(version), requests.as_bytes(), &mut answers).unwrap();
    let answers = String::from_utf8(answers).unwrap();
    let mut compared = 0;
    for ((request, expected), answer) in requests.lines().zip(expected.lines()).zip(answers.lines()) {
        assert_eq!(answer, expected, "\nof {request}");
        compared += 1;
    }
    assert_eq!((compared, answers.lines().count()), (3000, 3000));
}

#[test]
fn batch_1_11_4() {
    batch_equals("1.11.4");
}

#[test]
fn batch_1_20_5() {
    batch_equals("1.20.5");
}

#[test]
fn batch_2_3_0() {
    batch_equals("2.3.0");
}

struct Recorded {
    id: String,
    flink: String,
    file: &'static str,
    command: String,
    args: Vec<String>,
    conf: String,
    stdout: String,
    stderr: String,
}

fn recorded(line: &Value) -> Recorded {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let texts = |value: &Value| value.as_array().unwrap().iter().map(text).collect::<Vec<_>>();
    let (flink, file) = match line["flink"].as_str().unwrap().split_once('+') {
        Some((flink, "flink-conf.yaml")) => (flink, "flink-conf.yaml"),
        Some((flink, _)) => (flink, "config.yaml"),
        None if line["flink"] == "2.3.0" => ("2.3.0", "config.yaml"),
        None => (line["flink"].as_str().unwrap(), "flink-conf.yaml"),
    };
    let mut stdout: String = texts(&line["log"]).iter().map(|l| format!("{l}\n")).collect();
    stdout.extend(texts(&line["result"]).iter().map(|l| format!("BASH_JAVA_UTILS_EXEC_RESULT:{l}\n")));
    let mut stderr = String::new();
    for (i, link) in line["error"].as_array().unwrap().iter().enumerate() {
        let intro = if i == 0 { "Exception in thread \"main\" " } else { "Caused by: " };
        let message = link[1].as_str().map(|m| format!(": {m}")).unwrap_or_default();
        stderr += &format!("{intro}{}{message}\n", link[0].as_str().unwrap());
    }
    Recorded {
        id: text(&line["id"]),
        flink: flink.to_owned(),
        file,
        command: text(&line["command"]),
        args: texts(&line["args"]),
        conf: text(&line["conf"]),
        stdout,
        stderr,
    }
}

/// The start-up call, as a process, in a directory with the recorded file.
#[test]
fn startup_transcripts() {
    let temp = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for line in lines("startup.jsonl.gz") {
        let recorded = recorded(&line);
        let dir: PathBuf = temp.path().join(format!("{compared}"));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(recorded.file), &recorded.conf).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_memcalc"))
            .args(["bash-java-utils", "--flink-version", &recorded.flink, &recorded.command, "--configDir"])
            .arg(&dir)
            .args(&recorded.args)
            .env_remove("FLINK_TM_HEAP")
            .env_remove("FLINK_JM_HEAP")
            .output()
            .unwrap();
        let shown = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec()).unwrap().replace(dir.to_str().unwrap(), "<CONF_DIR>")
        };
        let what = format!("{} {} {}", recorded.flink, recorded.id, recorded.command);
        assert_eq!(shown(&output.stdout), recorded.stdout, "standard output of {what}");
        assert_eq!(shown(&output.stderr), recorded.stderr, "standard error of {what}");
        assert_eq!(output.status.success(), recorded.stderr.is_empty(), "exit status of {what}");
        compared += 1;
    }
    assert_eq!(compared, 1995);
}

/// The one exception that prints itself in its own way.
#[test]
fn an_exception_with_a_text_of_its_own() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("config.yaml"), "taskmanager.memory.process.size: 1g\na: \"x\u{1}y\"\n")
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_memcalc"))
        .args(["bash-java-utils", "--flink-version", "2.3", "GET_TM_RESOURCE_PARAMS", "--configDir"])
        .arg(temp.path())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "Exception in thread \"main\" java.lang.RuntimeException: Error parsing YAML configuration.\nCaused by: \
         unacceptable code point '\u{1}' (0x1) special characters are not allowed\nin \"reader\", position 41\n"
    );
}
