//! `memcalc check`

use plimsoll_memory::config::{Source, SourceKind};
use plimsoll_tuning::render::{self, TextStyle};
use plimsoll_tuning::{Deployment, Inputs, Report, Selection, Severity, Subject, check};

use super::{Outcome, fail, load};
use crate::args::{CheckArgs, CheckOutput, FailOn, Target};
use crate::exit::Exit;
use crate::nearest;
use crate::output::{self, Terminal};
use crate::startup::read_bounded;

pub(super) fn run(args: &CheckArgs, terminal: Terminal) -> Outcome {
    let selection = selection(args)?;
    let environments = environments(args)?;
    let input = load(args.conf.as_deref(), &args.input, terminal)?;
    let subject = input.subject(Inputs {
        deployment: args.target.into(),
        environments,
        connectors: args.connector.clone(),
        ..Inputs::new(&input.loaded, input.version)
    });
    let report = check(&subject, &selection);
    let text = match args.output {
        CheckOutput::Text => {
            let style = TextStyle { colour: terminal.color_stdout, width: terminal.columns };
            let text = render::text(&report, &subject, style);
            match (text.is_empty(), refused(&subject)) {
                (false, _) => text,
                (true, false) => format!("{}: nothing to complain about\n", input.name),
                (true, true) => format!(
                    "{}: nothing among the selected rules, but Flink {} would refuse to start\n",
                    input.name, input.version
                ),
            }
        }
        CheckOutput::Json => render::json(&report, &subject),
        CheckOutput::Sarif => render::sarif(&report, &subject),
        CheckOutput::Github => render::github(&report, &subject),
    };
    output::data(&text)?;
    Ok(exit(&report, &subject, args.fail_on))
}

/// Whether Flink would refuse one of the processes.
fn refused(subject: &Subject<'_>) -> bool {
    subject.task_manager.as_ref().is_some_and(|p| p.memory().is_none())
        || subject.job_manager.as_ref().is_some_and(|p| p.memory().is_none())
}

/// A refusal by Flink outweighs findings, whichever rules were selected.
fn exit(report: &Report, subject: &Subject<'_>, fail_on: FailOn) -> Exit {
    if refused(subject) {
        return Exit::Refused;
    }
    let fails = match fail_on {
        FailOn::Note => report.fails(Severity::Note),
        FailOn::Warning => report.fails(Severity::Warning),
        FailOn::Error => report.fails(Severity::Error),
        FailOn::Never => false,
    };
    if fails { Exit::Findings } else { Exit::Clean }
}

fn selection(args: &CheckArgs) -> Result<Selection, Exit> {
    Selection::new(&args.select, &args.ignore).map_err(|error| {
        let names = plimsoll_tuning::rules::RULES.iter().map(|rule| rule.name);
        let help = nearest::nearest(&error.0, names).map(|near| format!("\nhelp: did you mean '{near}'?"));
        fail(Exit::Usage, format!("{error}{}", help.unwrap_or_default()))
    })
}

fn environments(args: &CheckArgs) -> Result<Vec<Source>, Exit> {
    let read = |path: &std::path::PathBuf| {
        let bytes = read_bounded(path)
            .map_err(|error| fail(Exit::Usage, format!("cannot read {}: {error}", path.display())))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Source { name: path.to_string_lossy().into_owned(), text, kind: SourceKind::File })
    };
    args.env_file.iter().map(read).collect()
}

impl From<Target> for Deployment {
    fn from(target: Target) -> Self {
        match target {
            Target::Unknown => Self::Unknown,
            Target::Standalone => Self::Standalone,
            Target::Kubernetes => Self::Kubernetes,
            Target::Yarn => Self::Yarn,
        }
    }
}
