//! Later.

use crate::check::Report;
use crate::subject::Subject;

/// Later.
pub fn github(_: &Report, _: &Subject<'_>) -> String {
    String::new()
}
