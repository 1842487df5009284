//! What may be asked: one `SELECT`, of bounded length.
//!
//! Not the planner. Invariant: what passes here has no other statement in it; the planner's own check stands behind it.

use crate::error::QueryError;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use yagura_store::Table;

/// The longest statement.
pub const SQL_BYTES_MAX: usize = 64 * 1024;
/// The most names, keywords and operators of a statement. Values do not count, so that lists may be long. Each term is a level of the
/// tree at worst (`1 + 1 + …`), and a level is a call within a call for whoever walks it.
pub const TERMS_MAX: usize = 1_000;
/// Stack of threads that walk statements and plans: a level takes up to 32 KiB when nothing is optimised. It costs what is used of it.
pub(crate) const STACK_BYTES: usize = 128 << 20;

/// The statement, if it is one that is answered.
pub(crate) fn parse(sql: &str) -> Result<Statement, QueryError> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(QueryError::TooLong { bytes: sql.len(), max: SQL_BYTES_MAX });
    }
    let wrong = |reason: String| QueryError::Sql { reason };
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().map_err(|error| wrong(error.to_string()))?;
    let terms = tokens.iter().filter(|token| is_term(token)).count();
    if terms > TERMS_MAX {
        return Err(QueryError::TooManyTerms { terms, max: TERMS_MAX });
    }
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

fn is_term(token: &Token) -> bool {
    use Token::{Comma, LParen, Number, RParen, SingleQuotedString, Whitespace};
    !matches!(token, Whitespace(_) | Comma | Number(..) | SingleQuotedString(_) | LParen | RParen)
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
    let named = || {
        let statement = parse(sql)?;
        let named = resolve_table_references(&statement, true).map_err(|error| QueryError::engine(error, 0))?.0;
        let is_named = |table: &Table| named.iter().any(|reference| reference.table() == table.name());
        Ok(Table::ALL.into_iter().filter(is_named).collect())
    };
    // Whoever asks may have a small stack.
    let stopped = |reason: String| QueryError::Stopped { reason };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("query-parse".to_owned()).stack_size(STACK_BYTES);
        let thread = thread.spawn_scoped(scope, named).map_err(|error| stopped(error.to_string()))?;
        thread.join().unwrap_or_else(|_| Err(stopped("the parser panicked".to_owned())))
    })
}
