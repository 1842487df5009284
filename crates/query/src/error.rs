//! Why a question was not answered, named by who must act.
//!
//! Not the engine's own errors: those are sorted here, once.

use datafusion::error::DataFusionError;
use yagura_store::LakeError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The SQL is wrong. Whoever asked mends it.
    #[error("{reason}")]
    Sql {
        /// What is wrong, and where.
        reason: String,
    },
    /// Something else than one `SELECT`.
    #[error("only one SELECT statement is answered, not {found}")]
    NotASelect {
        /// What it was.
        found: String,
    },
    /// The SQL is too long.
    #[error("the statement has {bytes} bytes, the maximum is {max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The SQL has too many parts.
    #[error("the statement has {terms} names and operators, the maximum is {max}: put values into a list (IN)")]
    TooManyTerms {
        /// How many.
        terms: usize,
        /// The limit.
        max: usize,
    },
    /// It took too long. Ask for less time or fewer vehicles.
    #[error("no answer within {seconds} s: ask for a shorter time or a single vehicle")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// It needed too much memory. Ask for fewer groups or a shorter time.
    #[error("the answer needs more than {bytes} bytes of memory: ask for fewer groups, or a shorter time")]
    Memory {
        /// The limit.
        bytes: usize,
    },
    /// The answer is too large. Ask for fewer rows or columns.
    #[error("the answer has more than {bytes} bytes: ask for fewer rows or columns")]
    TooLarge {
        /// The limit.
        bytes: usize,
    },
    /// Others are asking. Ask again in a moment.
    #[error("{queries} queries are under way, the maximum: ask again in a moment")]
    Busy {
        /// The limit.
        queries: usize,
    },
    /// The lake cannot be read.
    #[error("the lake cannot be read")]
    Lake(#[from] LakeError),
    /// The engine failed. A fault of this program or of the disk.
    #[error("the query engine failed")]
    Engine(#[source] Box<DataFusionError>),
    /// The engine cannot start, or stopped in the middle.
    #[error("the query engine stopped: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
}

impl QueryError {
    /// Sorts an error of the engine by who must act.
    pub(crate) fn engine(error: DataFusionError, memory_bytes_max: usize) -> Self {
        let reason = |error: &DataFusionError| error.strip_backtrace();
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => Self::Memory { bytes: memory_bytes_max },
            root @ (DataFusionError::SQL(..)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Diagnostic(..)
            | DataFusionError::Configuration(_)
            | DataFusionError::Execution(_)
            | DataFusionError::ArrowError(..)) => Self::Sql { reason: reason(root) },
            _ => Self::Engine(Box::new(error)),
        }
    }
}
