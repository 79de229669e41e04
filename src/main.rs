//! memcalc
fn main() {}
