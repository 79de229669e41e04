//! Why Flink refuses a configuration: its exception chain to the letter, and what of the configuration is to blame.

use crate::config::KnownKey;
use crate::java::Exception;
use crate::java::exception::ILLEGAL_CONFIGURATION;

/// Either a value or Flink's refusal.
pub type Fallible<T> = Result<T, Box<Failure>>;

/// The kinds of refusal, by what the reader should do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A value cannot be read as its type: correct it.
    Unparsable,
    /// None of the options that size a process is set: set one.
    Missing,
    /// A minimum above its maximum, or a fraction outside [0, 1): correct one of the three.
    Range,
    /// The parts are larger than the whole: enlarge the whole or shrink a part.
    Sum,
    /// Process and Flink size leave an overhead outside its range: remove one of the sizes or move the range.
    OverheadOutside,
    /// The rest that is left for the network is not what its options say: remove a size or move the range.
    NetworkOutside,
    /// JobManager heap, off-heap and Flink size do not add up: leave one out.
    HeapMismatch,
    /// CPU cores not positive: correct them.
    Cpu,
    /// Slots below one: correct them.
    Slots,
    /// Arithmetic beyond 64 bit: a size is absurd.
    Overflow,
    /// A segment size that is no power of two from 4 KiB to 1 GiB: correct it.
    SegmentSize,
    /// A started TaskManager misses an option that the start-up call computes: do not start it by hand.
    NotResolved,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind it is.
    pub kind: Kind,
    /// The options whose values clash, by proper key, the likeliest culprit first.
    pub blame: Vec<KnownKey>,
    /// Flink's exceptions, outermost first.
    pub chain: Vec<Exception>,
}

impl Failure {
    pub(super) fn new<const N: usize>(kind: Kind, blame: [KnownKey; N], exception: Exception) -> Box<Self> {
        Box::new(Self { kind, blame: blame.to_vec(), chain: vec![exception] })
    }

    /// An `IllegalConfigurationException`.
    pub(super) fn illegal<const N: usize>(
        kind: Kind,
        blame: [KnownKey; N],
        message: impl Into<String>,
    ) -> Box<Self> {
        Self::new(kind, blame, Exception::new(ILLEGAL_CONFIGURATION, message))
    }

    /// `ArithmeticException: long overflow`.
    pub(super) fn overflow<const N: usize>(blame: [KnownKey; N]) -> Box<Self> {
        Self::new(Kind::Overflow, blame, Exception::new(crate::java::exception::ARITHMETIC, "long overflow"))
    }

    /// Puts an `IllegalConfigurationException` with this message before the chain.
    pub(super) fn wrapped(mut self: Box<Self>, message: impl Into<String>) -> Box<Self> {
        self.chain.insert(0, Exception::new(ILLEGAL_CONFIGURATION, message));
        self
    }

    /// Rethrows an `IllegalConfigurationException` with a prefix, as `TaskExecutorProcessUtils` does; others pass.
    pub(super) fn prefixed(self: Box<Self>, prefix: &str) -> Box<Self> {
        match self.chain.first() {
            Some(Exception { class, message: Some(message), .. }) if *class == ILLEGAL_CONFIGURATION => {
                let message = format!("{prefix}{message}");
                self.wrapped(message)
            }
            _ => self,
        }
    }

    /// The innermost message: what is really wrong.
    pub fn root_message(&self) -> &str {
        self.chain.last().and_then(|e| e.message.as_deref()).unwrap_or("")
    }

    /// The exception that names the problem: the first that only wraps nothing by a fixed prefix.
    pub fn message(&self) -> &str {
        let innermost_illegal = self.chain.iter().rev().find(|e| e.class == ILLEGAL_CONFIGURATION);
        innermost_illegal.or(self.chain.first()).and_then(|e| e.message.as_deref()).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::java::exception::ILLEGAL_ARGUMENT;

    #[test]
    fn the_message_is_that_of_the_innermost_illegal_configuration() {
        let mut failure = Failure::illegal(Kind::Range, [], "inner").prefixed("outer: ");
        failure.chain.push(Exception::new(ILLEGAL_ARGUMENT, "cause"));
        assert_eq!((failure.message(), failure.root_message()), ("inner", "cause"));
        assert_eq!(failure.chain.first().and_then(|e| e.message.as_deref()), Some("outer: inner"));
        let plain = Failure::new(Kind::Cpu, [], Exception::new(ILLEGAL_ARGUMENT, "alone"));
        assert_eq!(plain.message(), "alone");
        assert_eq!(plain.clone().prefixed("x").chain, plain.chain, "other exceptions pass");
    }
}
