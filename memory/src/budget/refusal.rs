//! The answer no, with everything that somebody needs to change it into a yes.

use std::error::Error;
use std::fmt;

use super::pool::{Pool, usage};
use super::reclaim::{Asked, Tried};
use super::seat::Seat;
use crate::report::{OwnerUsage, PoolUsage, bytes_exact, bytes_text, tree};

/// How many of the largest owners a refusal names.
const HOLDERS: usize = 5;

/// A reservation that was refused. Nothing was changed: what the owner held, it holds.
///
/// The caller should do with less, spill or wait, or tell its user: the text says who holds the bytes and which option
/// sets the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The path of the pool that was asked: `managed / slot 0`.
    pub pool: String,
    /// Who asked.
    pub owner: String,
    /// How much was asked for.
    pub asked_bytes: u64,
    /// What the owner holds.
    pub owner_held_bytes: u64,
    /// The path of the lowest level that is short of it.
    pub short_at: String,
    /// The limit there.
    pub limit_bytes: u64,
    /// What is handed out there.
    pub granted_bytes: u64,
    /// What that level lacks.
    pub missing_bytes: u64,
    /// What other reservations are waiting for, in this pool.
    pub waiting_bytes: u64,
    /// The option that sets the limit there, or of the nearest level above that has one.
    pub key: Option<&'static str>,
    /// The limit that this option sets.
    pub key_bytes: u64,
    /// What was tried.
    pub tried: Tried,
    /// The pool from its top level on.
    pub usage: PoolUsage,
}

impl Refusal {
    pub(super) fn new(pool: &Pool, seat: &Seat, bytes: u64, tried: Tried) -> Self {
        let ledger = pool.ledger();
        ledger.view(|view| {
            let used = seat.account.used();
            let need = bytes.saturating_sub(seat.account.granted().saturating_sub(used));
            let short = view.book.short(seat.node, need);
            let node = short.map_or(seat.node, |short| short.node);
            let key = view.book.key(node);
            Self {
                pool: view.book.path_text(seat.node),
                owner: seat.name.clone(),
                asked_bytes: bytes,
                owner_held_bytes: used,
                short_at: view.book.path_text(node),
                limit_bytes: view.book.node(node).limit,
                granted_bytes: view.book.node(node).granted,
                missing_bytes: short.map_or(0, |short| short.missing),
                waiting_bytes: view.waiting_bytes,
                key: key.map(|(_, key)| key),
                key_bytes: key.map_or(0, |(level, _)| view.book.node(level).limit),
                tried,
                usage: usage(view, 0),
            }
        })
    }

    /// The largest owners of the pool, at most five.
    pub fn top_holders(&self) -> Vec<(String, &OwnerUsage)> {
        let mut holders = self.usage.holders();
        holders.retain(|(_, owner)| owner.held_bytes > 0);
        holders.truncate(HOLDERS);
        holders
    }

    fn tried_text(&self) -> String {
        let mut said = Vec::new();
        if self.tried.swept_bytes > 0 {
            said.push(format!("took back {} of unused credit", bytes_text(self.tried.swept_bytes)));
        }
        for Asked { owner, stage, wanted_bytes, freed_bytes } in &self.tried.asked {
            said.push(format!(
                "asked \"{owner}\" ({}) for {}, freed {}",
                stage.name(),
                bytes_text(*wanted_bytes),
                bytes_text(*freed_bytes)
            ));
        }
        if let Some(waited_ms) = self.tried.waited_ms {
            said.push(format!("waited {waited_ms} ms"));
        }
        if self.tried.inside_reclaimer {
            said.push("asked nobody: this reservation was made inside a reclaimer".to_owned());
        }
        if said.is_empty() { "nobody was asked".to_owned() } else { said.join("; ") }
    }

    fn remedy(&self) -> String {
        let less = format!("let \"{}\" hold less", self.owner);
        let Some(key) = self.key else { return less };
        // what one of several equal shares lacks, all of them get
        let shares = self.key_bytes.div_ceil(self.limit_bytes.max(1)).max(1);
        let more = self.missing_bytes.saturating_mul(shares);
        if more == 0 {
            return format!("try again, or {less}");
        }
        let new_limit = self.key_bytes.saturating_add(more);
        format!("raise {key} by {} to {new_limit}b, or {less}", bytes_text(more))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = bytes_exact(self.asked_bytes);
        writeln!(
            f,
            "{} refuses {asked} to \"{}\", which holds {}",
            self.pool,
            self.owner,
            bytes_exact(self.owner_held_bytes)
        )?;
        let free = self.limit_bytes.saturating_sub(self.granted_bytes);
        write!(f, "  {}: limit {}, ", self.short_at, bytes_exact(self.limit_bytes))?;
        write!(f, "handed out {}, free {}", bytes_exact(self.granted_bytes), bytes_exact(free))?;
        if self.missing_bytes > 0 {
            write!(f, ": {} short", bytes_exact(self.missing_bytes))?;
        }
        if self.waiting_bytes > 0 {
            write!(f, "; others wait for {}", bytes_exact(self.waiting_bytes))?;
        }
        writeln!(f, "\n  tried: {}", self.tried_text())?;
        let holders = self.top_holders();
        if !holders.is_empty() {
            writeln!(f, "  the largest owners:")?;
        }
        let width = holders.iter().map(|(_, owner)| bytes_text(owner.held_bytes).len()).max().unwrap_or(0);
        for (path, owner) in &holders {
            let gone = if owner.gone { " (gone: leaked)" } else { "" };
            writeln!(f, "    {:>width$}  \"{}\" of {path}{gone}", bytes_text(owner.held_bytes), owner.name)?;
        }
        for line in tree(&self.usage) {
            writeln!(f, "  {line}")?;
        }
        write!(f, "  remedy: {}", self.remedy())
    }
}

impl Error for Refusal {}
