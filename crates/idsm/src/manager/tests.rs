//! The filter chain, filter by filter, and its balance under any load.

extern crate std;

use super::*;
