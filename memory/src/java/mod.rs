//! The pieces of Java's own behaviour that Flink's answers depend on: how numbers are read and printed, how strings
//! hash and how a `HashMap` iterates. The reference is JDK 17.

mod big_decimal;
mod decimal;
pub mod exception;
mod hash;
mod log;
mod parse;

pub use big_decimal::BigDecimal;
pub use decimal::{Decimal, double_to_string, format_fixed3, push_double};
pub use exception::Exception;
pub use hash::{hash_map_order, string_hash};
pub use log::{Level, LogLine};
pub use parse::{NumberFormat, parse_double, parse_float, parse_int, parse_long, trim};
