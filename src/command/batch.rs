//! `memcalc batch`

use std::io;

use plimsoll_memory::model::Ruleset;

use super::Outcome;
use crate::args::BatchArgs;
use crate::exit::Exit;
use crate::{batch, output};

pub(super) fn run(args: &BatchArgs) -> Outcome {
    let rules = Ruleset::of(args.flink_version);
    let result = batch::run(rules, io::stdin().lock(), io::stdout().lock());
    output::written(result).map(|()| Exit::Clean)
}
