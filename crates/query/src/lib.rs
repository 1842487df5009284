//! SQL over the lake's tables and the rows that are not in them yet.
//!
//! Not the fixed questions of the hot path (those are `store`'s own scans), and not a way to change anything: `SELECT` alone.
//! Invariants: a question of a tenant sees that tenant's rows only, whatever its SQL says, because the tables it is given yield no
//! others; a row is seen once, wherever it is; time, memory, rows and bytes of an answer are bounded. Reasons: ADR-0021.

mod answer;
mod engine;
mod error;
mod hours;
mod once;
mod prune;
mod reader;
mod statement;
mod table;

pub use answer::Answer;
pub use engine::{Engine, Limits, Question, Scope};
pub use error::QueryError;
pub use statement::{SQL_BYTES_MAX, TERMS_MAX, tables};
pub use table::Rows;
