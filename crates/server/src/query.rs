//! SQL over the lake and the rows that wait for it, for one tenant.
//!
//! Not the engine (that is `query`, left out of light builds, where every question is answered with [`QueryFailure::NotBuilt`]).
//! Invariant: the tail is looked at before the lake, so a row that moves from one to the other meanwhile is seen once.

use crate::lake::SharedLake;
use crate::pipeline::Tail;
use yagura_store::At;

/// The most rows of an answer if nothing else is asked.
pub const QUERY_ROWS: usize = 1_000;
/// The most rows of an answer.
pub const QUERY_ROWS_MAX: usize = 100_000;

/// The form of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// An object with columns and rows.
    Json,
    /// A line of names, then a line a row.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
}

/// A question as a person asked it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whose rows it sees.
    pub tenant: String,
    /// One `SELECT`.
    pub sql: String,
    /// The most rows wanted.
    pub rows: usize,
    /// Which state of the tables.
    pub at: At,
}

/// Why there is no answer, by who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryFailure {
    /// This build has no query engine.
    #[error("this build of the server has no query engine")]
    NotBuilt,
    /// The question is wrong.
    #[error("{0}")]
    Wrong(String),
    /// The question costs too much.
    #[error("{0}")]
    TooCostly(String),
    /// Too many are asking.
    #[error("{0}")]
    Busy(String),
    /// A fault of ours.
    #[error("the query failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Answers a question in a form.
///
/// # Errors
/// [`QueryFailure`]
#[cfg(not(feature = "query"))]
pub async fn ask(_lake: &SharedLake, _tail: &Tail, _asked: Asked, _form: Form) -> Result<Vec<u8>, QueryFailure> {
    Err(QueryFailure::NotBuilt)
}

#[cfg(feature = "query")]
pub use built::ask;

#[cfg(feature = "query")]
mod built {
    use super::{Asked, Form, QueryFailure, SharedLake, Tail};
    use serde_json::json;
    use yagura_query::{Answer, QueryError, Question, Rows, Scope, tables};
    use yagura_store::{At, Table};

    impl From<QueryError> for QueryFailure {
        fn from(error: QueryError) -> Self {
            match error {
                QueryError::Sql { .. }
                | QueryError::NotASelect { .. }
                | QueryError::TooLong { .. }
                | QueryError::TooManyTerms { .. } => Self::Wrong(error.to_string()),
                QueryError::TimedOut { .. } | QueryError::Memory { .. } | QueryError::TooLarge { .. } => {
                    Self::TooCostly(error.to_string())
                }
                QueryError::Busy { .. } => Self::Busy(error.to_string()),
                other => Self::Failed(Box::new(other)),
            }
        }
    }

    /// Answers a question in a form.
    ///
    /// # Errors
    /// [`QueryFailure`]
    pub async fn ask(lake: &SharedLake, tail: &Tail, asked: Asked, form: Form) -> Result<Vec<u8>, QueryFailure> {
        let named = tables(&asked.sql)?;
        // The tail first: what leaves it afterwards is in the lake by then.
        let (events, states) = if asked.at == At::Latest { tail.parts() } else { (Vec::new(), Vec::new()) };
        let at = asked.at;
        let snapshots = lake
            .ask(move |lake| named.into_iter().map(|table| lake.snapshot(table, at)).collect::<Result<Vec<_>, _>>());
        let snapshots = snapshots.await.map_err(|panic| QueryFailure::Failed(Box::new(panic)))?;
        let snapshots = snapshots.map_err(|error| match at {
            At::Latest => QueryFailure::Failed(Box::new(error)),
            _ => QueryFailure::Wrong(format!("the tables cannot be read as they were then: {error}")),
        })?;
        let rows = snapshots.into_iter().map(|snapshot| {
            let waiting = match snapshot.table {
                Table::Events => events.clone(),
                Table::VehicleState => states.clone(),
                Table::Alerts => Vec::new(),
            };
            Rows { snapshot, waiting }
        });
        let rows = rows.collect();
        let question = Question { scope: Scope::Tenant(asked.tenant), sql: asked.sql, rows: asked.rows };
        let answer = lake.engine()?.ask(question, rows).await?;
        Ok(match form {
            Form::Json => json_object(&answer)?,
            Form::Csv => answer.csv()?,
            Form::Arrow => answer.arrow()?,
        })
    }

    fn json_object(answer: &Answer) -> Result<Vec<u8>, QueryFailure> {
        let columns = answer.schema.fields().iter();
        let columns: Vec<_> = columns.map(|f| json!({ "name": f.name(), "type": f.data_type().to_string() })).collect();
        let took_ms = answer.took.as_secs_f64() * 1_000.0;
        let head = json!({ "columns": columns, "truncated": answer.truncated, "took_ms": took_ms }).to_string();
        let mut object = head.into_bytes();
        object.pop();
        object.extend_from_slice(b",\"rows\":");
        object.extend_from_slice(&answer.json()?);
        object.push(b'}');
        Ok(object)
    }
}
