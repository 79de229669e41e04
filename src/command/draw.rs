//! `memcalc draw`

use std::io::Write as _;
use std::path::Path;

use plimsoll_memory::MemorySize;

use super::{Outcome, fail, load, refused, require_model};
use crate::args::DrawArgs;
use crate::exit::Exit;
use crate::input::Process;
use crate::output::{self, Terminal};
use crate::render::svg::{DrawOptions, draw};

pub(super) fn run(args: &DrawArgs, terminal: Terminal) -> Outcome {
    let input = load(args.conf.as_deref(), &args.input, terminal)?;
    require_model(args.process, &input)?;
    let process = input
        .derive(args.process)
        .map_err(|failure| refused(&input, args.process.into(), &failure, terminal))?;
    let slots = match &process {
        Process::TaskManager(process) => process.slots.and_then(|read| u32::try_from(read.value).ok()),
        Process::JobManager(_) => None,
    };
    let map = input.map(&process);
    let title = format!("{} memory, Flink {}: {}", map.process.name(), input.version, input.name);
    let options = DrawOptions {
        title: Some(title),
        width: Some(args.width),
        slots,
        limit: args.limit.map(MemorySize::bytes),
    };
    let svg = draw(&map, &options);
    match &args.out {
        None => output::data(&svg)?,
        Some(path) => {
            write_whole(path, &svg)
                .map_err(|error| fail(Exit::Usage, format!("cannot write {}: {error}", path.display())))?;
        }
    }
    Ok(Exit::Clean)
}

/// Writes a file whole or not at all: beside it first, then renamed over it.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = std::fs::File::create(&part)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // what could not be finished must not be left lying about
        let _ = std::fs::remove_file(&part);
    }
    written
}
