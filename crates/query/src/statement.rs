//! What may be asked: one `SELECT`, of bounded length.
//!
//! Not the planner. Invariant: what passes here has no other statement in it; the planner's own check stands behind it.

use crate::error::QueryError;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use yagura_store::Table;

/// The longest statement.
pub const SQL_BYTES_MAX: usize = 64 * 1024;

/// The statement, if it is one that is answered.
pub(crate) fn parse(sql: &str) -> Result<Statement, QueryError> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(QueryError::TooLong { bytes: sql.len(), max: SQL_BYTES_MAX });
    }
    let wrong = |reason: String| QueryError::Sql { reason };
    let parser = DFParserBuilder::new(sql).with_dialect(&GenericDialect {}).build();
    let statements = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = statements.map_err(|error| wrong(error.strip_backtrace()))?;
    let found = statements.len();
    match (statements.pop_front(), found) {
        (Some(Statement::Statement(statement)), 1) => match *statement {
            query @ ast::Statement::Query(_) => Ok(Statement::Statement(Box::new(query))),
            other => Err(not_a_select(&other.to_string())),
        },
        (Some(other), 1) => Err(not_a_select(&other.to_string())),
        (None, _) => Err(wrong("there is no statement".to_owned())),
        (Some(_), _) => Err(QueryError::NotASelect { found: format!("{found} statements") }),
    }
}

fn not_a_select(statement: &str) -> QueryError {
    let found = statement.split_whitespace().next().unwrap_or("something else").to_uppercase();
    QueryError::NotASelect { found }
}

/// Which tables of the lake a statement names, so that no others need be opened.
///
/// # Errors
/// [`QueryError`] if it is not a single `SELECT`.
pub fn tables(sql: &str) -> Result<Vec<Table>, QueryError> {
    let statement = parse(sql)?;
    let named = resolve_table_references(&statement, true).map_err(|error| QueryError::engine(error, 0))?.0;
    let is_named = |table: &Table| named.iter().any(|reference| reference.table() == table.name());
    Ok(Table::ALL.into_iter().filter(is_named).collect())
}
