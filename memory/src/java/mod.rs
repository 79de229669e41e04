//! The pieces of Java's own behaviour that Flink's answers depend on: how numbers are read and printed, how strings
//! hash and how a `HashMap` iterates. The reference is JDK 17.

mod big;
mod big_decimal;
mod decimal;
mod digits;
pub mod exception;
mod hash;
mod integer;
mod log;
mod parse;
mod parse_float;
mod scale;

pub use big_decimal::BigDecimal;
pub use decimal::{Decimal, double_to_string, float_to_string, format_fixed3, push_double, push_fixed3};
pub use exception::Exception;
pub use hash::{hash_map_order, string_hash};
pub use integer::push_u64;
pub use log::{Level, LogLine};
pub use parse::{NumberFormat, parse_int, parse_long, trim};
pub use parse_float::{parse_double, parse_float};
