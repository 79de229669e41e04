//! Golden reports: a process with everything in it, in each form.

use super::*;
