//! Capped arenas as their users meet them: filled, churned, refused, ended.
//!
//! Ordinary memory of this binary comes from jemalloc, too, so that pools could mix with it if they did it wrong.

mod churn;
mod ends;
mod fail_each;
mod fill;
mod refuse;
mod support;

#[global_allocator]
static ORDINARY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
