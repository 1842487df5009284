//! The JSON API that the console, the command line and scripts use.
//!
//! Not a place for decisions: a handler reads the state, the vault or the lake and writes the words of [`types`].

pub mod time;
pub mod types;
