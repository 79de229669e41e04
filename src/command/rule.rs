//! `memcalc rule`

use plimsoll_tuning::rules::RULES;
use plimsoll_tuning::{Rule, explain_rule, rule, rule_table};
use serde::Serialize;

use super::{Outcome, fail};
use crate::args::{RuleArgs, TextOrJson};
use crate::exit::Exit;
use crate::{nearest, output};

#[derive(Serialize)]
struct RuleJson {
    code: &'static str,
    name: &'static str,
    severity: &'static str,
    summary: &'static str,
    source: &'static str,
    story: &'static str,
    wrong: &'static str,
    right: &'static str,
}

impl From<&Rule> for RuleJson {
    fn from(rule: &Rule) -> Self {
        Self {
            code: rule.code,
            name: rule.name,
            severity: rule.severity.as_str(),
            summary: rule.summary,
            source: rule.source,
            story: rule.story,
            wrong: rule.wrong.conf,
            right: rule.right.conf,
        }
    }
}

#[derive(Serialize)]
struct RulesJson {
    schema_version: u32,
    rules: Vec<RuleJson>,
}

pub(super) fn run(args: &RuleArgs) -> Outcome {
    let chosen = match &args.rule {
        Some(name) => vec![rule(name).ok_or_else(|| unknown(name))?],
        None => RULES.iter().collect(),
    };
    let text = match (args.output, &args.rule) {
        (TextOrJson::Json, _) => {
            let json =
                RulesJson { schema_version: 1, rules: chosen.into_iter().map(RuleJson::from).collect() };
            let text = serde_json::to_string_pretty(&json).map_err(|error| fail(Exit::Usage, error))?;
            format!("{text}\n")
        }
        (TextOrJson::Text, Some(name)) => explain_rule(name).ok_or_else(|| unknown(name))?,
        (TextOrJson::Text, None) => rule_table(),
    };
    output::data(&text).map(|()| Exit::Clean)
}

fn unknown(name: &str) -> Exit {
    let names = RULES.iter().map(|rule| rule.name);
    let help = match nearest::nearest(name, names) {
        Some(near) => format!("did you mean '{near}'?"),
        None => "memcalc rule lists them all".to_owned(),
    };
    fail(Exit::Usage, format!("'{name}' is no rule\nhelp: {help}"))
}
