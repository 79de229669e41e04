//! The renderings.

use plimsoll_memory::config::Format;
use plimsoll_tuning::render::{TextStyle, github, json, sarif, text};
use plimsoll_tuning::rules::RULES;
use plimsoll_tuning::{Selection, Severity, check, explain_rule, rule, rule_table};
use serde_json::Value;

use crate::{environment, loaded, report, subject};

const TWO_HEAPS: &str = "taskmanager.memory.task.heap.size: 4g\ntaskmanager.memory.managed.size: 1g\n";

#[test]
fn one_report_over_several_files() {
    let loaded = loaded("1.11", Format::Lines, "conf/flink-conf.yaml", TWO_HEAPS);
    let subject =
        subject(&loaded, "1.11", environment("docker/flink.env", "A=b\nFLINK_ENV_JAVA_OPTS=-Xmx6g -Dx=y\n"));
    let text = text(&report(&subject), &subject, TextStyle::default());
    let expected = "\
error[MEM0008]: -Xmx in FLINK_ENV_JAVA_OPTS overrides the heap Flink derived
 --> docker/flink.env:2:21
  |
2 | FLINK_ENV_JAVA_OPTS=-Xmx6g -Dx=y
  |                     ^^^^^^ the last -Xmx wins: the heap is 6 GiB
  |
 ::: conf/flink-conf.yaml:1:36
  |
1 | taskmanager.memory.task.heap.size: 4g
  |                                    -- Flink asks for a 4.12 GiB heap here
  |
  = note: the heap may grow 1.87 GiB beyond what the process was sized for: the container is killed first
  = help: remove -Xmx/-Xms here, or set taskmanager.memory.task.heap.size: 6016m

1 error
";
    assert_eq!(text, expected);
}

#[test]
fn a_heap_that_follows_from_the_process_size_points_there() {
    let conf =
        "taskmanager.memory.process.size: 4g\njobmanager.memory.process.size: 2g\nenv.java.opts: -Xmx1g\n";
    let loaded = loaded("1.20", Format::Lines, "flink-conf.yaml", conf);
    let subject = subject(&loaded, "1.20", Vec::new());
    let text = text(&report(&subject), &subject, TextStyle::default());
    let expected = "\
error[MEM0008]: -Xmx in env.java.opts overrides the heap Flink derived
 --> flink-conf.yaml:3:16
  |
1 | taskmanager.memory.process.size: 4g
  |                                  -- Flink derives a 1.54 GiB heap from this
2 | jobmanager.memory.process.size: 2g
  |                                 -- Flink derives a 1.42 GiB heap from this
3 | env.java.opts: -Xmx1g
  |                ^^^^^^ the last -Xmx wins: the heap is 1 GiB
  |
  = note: 563.19 MiB of the container is reserved and can never be used
  = note: 435.19 MiB of the container is reserved and can never be used
  = help: remove -Xmx/-Xms here   [fixable: memcalc fix --select MEM0008]

1 error
";
    assert_eq!(text, expected);
}

/// A configuration that would colour the terminal, move its cursor and turn its text.
const HOSTILE: &str = "taskmanager.memory.process.size: \u{1b}[31m1g\u{9b}2J\ntaskmanager.memory.\u{202e}x: 1\n\u{7f}taskmanager.memory.y:\t2\n";

#[test]
fn no_control_character_reaches_the_terminal() {
    let loaded = loaded("1.20", Format::Lines, "a\u{1b}[2Jb\n.yaml", HOSTILE);
    let subject = subject(&loaded, "1.20", Vec::new());
    let report = report(&subject);
    assert_eq!(report.diagnostics.len(), 3, "{report:?}");
    let style = TextStyle::default();
    for text in [
        text(&report, &subject, style),
        json(&report, &subject),
        sarif(&report, &subject),
        github(&report, &subject),
    ] {
        let hostile = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
        assert!(!text.contains(hostile), "{text:?}");
    }
}

#[test]
fn json_is_complete() {
    let loaded = loaded("1.11", Format::Lines, "flink-conf.yaml", "jobmanager.memory.process.size: 500m\n");
    let subject = subject(&loaded, "1.11", Vec::new());
    let document: Value = serde_json::from_str(&json(&report(&subject), &subject)).expect("JSON");
    assert_eq!(document["schema_version"], 1);
    assert_eq!(document["flink_version"], "1.11");
    assert_eq!((&document["errors"], &document["warnings"]), (&1.into(), &0.into()));
    let found = &document["diagnostics"][0];
    assert_eq!(found["code"], "MEM0001");
    assert_eq!(found["severity"], "error");
    let span = serde_json::json!({ "start": 32, "end": 36, "line": 1, "column": 33 });
    assert_eq!(found["labels"][0]["span"], span);
    assert_eq!(found["labels"][0]["primary"], true);
    let edit = serde_json::json!({ "file": "flink-conf.yaml", "span": span, "replacement": "1600m" });
    assert_eq!(found["help"][0]["edit"], edit);
}

#[test]
fn sarif_has_what_its_schema_asks_for() {
    let conf = "taskmanager.memory.process.size: 8g\ntaskmanager.memory.flink.size: 6g\n";
    let loaded = loaded("1.11", Format::Lines, "dir/my conf.yaml", conf);
    let subject = subject(&loaded, "1.11", Vec::new());
    let log: Value = serde_json::from_str(&sarif(&report(&subject), &subject)).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), RULES.len());
    let result = &run["results"][0];
    let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
    assert_eq!(rules[index]["id"], result["ruleId"]);
    assert!(["error", "warning", "note"].contains(&result["level"].as_str().expect("a level")));
    let physical = &result["locations"][0]["physicalLocation"];
    assert_eq!(physical["artifactLocation"]["uri"], "dir/my%20conf.yaml");
    let region = serde_json::json!({ "startLine": 1, "startColumn": 34, "endLine": 1, "endColumn": 36 });
    assert_eq!(physical["region"], region);
    assert_eq!(result["relatedLocations"][0]["id"], 1);
    let replacement = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
    let deleted = serde_json::json!({ "startLine": 2, "startColumn": 1, "endLine": 3, "endColumn": 1 });
    assert_eq!(replacement["deletedRegion"], deleted);
    assert_eq!(replacement["insertedContent"]["text"], "");
}

#[test]
fn workflow_annotations_are_escaped() {
    let conf = "taskmanager.memory.process.size: 1728m\ntaskmanager.memory.managed.fraction: 40%\n";
    let loaded = loaded("1.20", Format::Lines, "a,b:c%.yaml", conf);
    let subject = subject(&loaded, "1.20", Vec::new());
    let text = github(&report(&subject), &subject);
    let expected = "::error file=a%2Cb%3Ac%25.yaml,line=2,col=38,endColumn=40,title=MEM0007 unreadable-value::\
                    Flink cannot read the value of taskmanager.memory.managed.fraction%0Aline 2: not a number such as \
                    0.1%0Anote: the TaskManager will not start: IllegalArgumentException: Could not parse value '40%25' \
                    for key 'taskmanager.memory.managed.fraction'. Caused by: For input string: \"40%25\"%0Ahelp: write \
                    taskmanager.memory.managed.fraction: 0.4%0Ahelp: remove taskmanager.memory.managed.fraction: its \
                    default holds then\n";
    assert_eq!(text, expected);
}

#[test]
fn colour_and_width() {
    let conf =
        format!("env.java.opts: -Da={} -Xmx1g\ntaskmanager.memory.process.size: 4g\n", "x".repeat(400));
    let loaded = loaded("1.20", Format::Lines, "flink-conf.yaml", &conf);
    let subject = subject(&loaded, "1.20", Vec::new());
    let report = report(&subject);
    assert!(text(&report, &subject, TextStyle { colour: true, width: 100 }).contains("\u{1b}["));
    let plain = text(&report, &subject, TextStyle { colour: false, width: 100 });
    let sources = plain.lines().filter(|line| line.contains("-Xmx1g"));
    assert!(sources.clone().count() > 0);
    assert!(sources.clone().all(|line| line.chars().count() < 160), "{plain}");
}

#[test]
fn rules_are_selected_and_ignored() {
    let conf = "taskmanager.memory.process.size: 4Gi\ntaskmanager.heap.mb: 1024\n";
    let loaded = loaded("1.20", Format::Lines, "flink-conf.yaml", conf);
    let subject = subject(&loaded, "1.20", Vec::new());
    let codes = |select: &[&str], ignore: &[&str]| -> Vec<&str> {
        let selection = Selection::new(select, ignore).expect("rules");
        check(&subject, &selection).diagnostics.iter().map(|d| d.code).collect()
    };
    assert_eq!(codes(&[], &[]), ["MEM0007", "MEM0014"]);
    assert_eq!(codes(&["mem0007"], &[]), ["MEM0007"]);
    assert_eq!(codes(&[], &["unreadable-value"]), ["MEM0014"]);
    assert_eq!(codes(&["MEM0007"], &["MEM0007"]), [""; 0]);
    let unknown = Selection::new(["MEM9999"], [""; 0]).expect_err("no such rule");
    assert_eq!(unknown.to_string(), "'MEM9999' is no rule; `memcalc rule` lists them all");
    let report = report(&subject);
    assert_eq!(report.worst(), Some(Severity::Error));
    assert!(report.fails(Severity::Warning));
}

#[test]
fn rules_are_explained() {
    assert!(RULES.len() <= 25);
    for (i, r) in RULES.iter().enumerate() {
        assert_eq!(r.code, format!("MEM{:04}", i + 1));
        assert!(std::ptr::eq(rule(r.name).expect("by name"), r));
        let story = explain_rule(&r.code.to_lowercase()).expect("a story");
        for part in [r.summary, r.source, r.story.trim(), "## Wrong", "## Right", "--ignore"] {
            assert!(story.contains(part), "{} lacks {part}", r.code);
        }
        assert!(r.story.len() > 300, "{} has no long story", r.code);
        assert!(!r.source.contains("://"));
    }
    assert_eq!(explain_rule("MEM9999"), None);
    assert_eq!(rule_table().lines().count(), RULES.len());
}
