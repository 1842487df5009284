//! SQLite or PostgreSQL behind one text per statement.
//!
//! Not an object mapper and no dialect: a statement is written once, in the SQL that both understand (`$1` placeholders, `ON
//! CONFLICT (…) DO UPDATE SET x = t.x + excluded.x`, `RETURNING`, row values), and runs on whichever database is open. Only three
//! types cross: 64-bit integers, text, bytes, each of which may be absent. Invariants: on SQLite one connection writes and takes the
//! write lock when a transaction begins; on PostgreSQL a commit is on disk when it returns, and no call waits longer than
//! [`ANSWER_MAX`]. Cost beyond the database's own: one match and a copy of the values.

use super::StateError;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow, PgTypeInfo};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Arguments, AssertSqlSafe, Connection, FromRow, Postgres, Sqlite, Transaction, Type};
use std::borrow::Cow;
use std::future::Future;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// How many queries read at the same time.
const READERS_MAX: u32 = 4;
/// How many transactions a process has open on PostgreSQL at the same time.
const WRITERS_MAX: u32 = 4;
/// How long a statement waits for another process's transaction (`yagura sign-in-link`, `yagura device token`).
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// How long PostgreSQL may take to answer a statement before it counts as unreachable.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(30);
/// What every connection to PostgreSQL says first. A commit is durable; a transaction whose owner was paused lets go of its rows, so
/// that another can take its partition over; nobody waits for a lock forever. Milliseconds.
const SESSION: [(&str, &str); 4] = [
    ("synchronous_commit", "on"),
    ("idle_in_transaction_session_timeout", "10000"),
    ("lock_timeout", "20000"),
    ("statement_timeout", "25000"),
];

/// The open database: who writes and who reads do not wait for each other. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Database {
    pub(super) write: Pool,
    pub(super) read: Pool,
}

/// Connections to one of the two databases.
#[derive(Clone, Debug)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A transaction; dropped without [`Tx::commit`], it changes nothing.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Where a statement runs.
pub(super) enum On<'a> {
    Pool(&'a Pool),
    Tx(&'a mut Tx),
}

/// How a database wants its placeholders where there are thousands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dialect {
    /// `?`: SQLite looks a numbered one up among all, each time that it is bound.
    Sqlite,
    /// `$1`.
    Postgres,
}

impl On<'_> {
    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::Pool(Pool::Sqlite(_)) | Self::Tx(Tx::Sqlite(_)) => Dialect::Sqlite,
            Self::Pool(Pool::Postgres(_)) | Self::Tx(Tx::Postgres(_)) => Dialect::Postgres,
        }
    }
}

impl<'a> From<&'a Pool> for On<'a> {
    fn from(pool: &'a Pool) -> Self {
        Self::Pool(pool)
    }
}

impl<'a> From<&'a mut Tx> for On<'a> {
    fn from(tx: &'a mut Tx) -> Self {
        Self::Tx(tx)
    }
}

impl Database {
    /// The file at `path`, made if absent. Its readers connect when they first read.
    pub(super) async fn sqlite(path: &Path) -> Result<Self, StateError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_WAIT);
        // On a full disk SQLite takes a transaction back itself; the client's own rollback then fails, and it would for ever believe that
        // it is within one. Such a connection is replaced.
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
            .connect_with(options.clone())
            .await?;
        let read = SqlitePoolOptions::new().max_connections(READERS_MAX).connect_lazy_with(options.read_only(true));
        Ok(Self { write: Pool::Sqlite(write), read: Pool::Sqlite(read) })
    }

    /// The database that `options` name; it answers now.
    pub(super) async fn postgres(options: PgConnectOptions) -> Result<Self, StateError> {
        let options = options.options(SESSION).application_name("yagura");
        let pool = |connections| PgPoolOptions::new().max_connections(connections).acquire_timeout(BUSY_WAIT);
        let write = pool(WRITERS_MAX).connect_with(options.clone()).await?;
        let read = pool(READERS_MAX).connect_lazy_with(options);
        Ok(Self { write: Pool::Postgres(write), read: Pool::Postgres(read) })
    }

    pub(super) async fn begin(&self) -> Result<Tx, StateError> {
        match &self.write {
            Pool::Sqlite(pool) => Ok(Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?)),
            Pool::Postgres(pool) => {
                let begin = pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
                Ok(Tx::Postgres(answered(begin).await?))
            }
        }
    }

    /// A transaction that sees one moment, and writes nothing.
    pub(super) async fn begin_snapshot(&self) -> Result<Tx, StateError> {
        match &self.read {
            Pool::Sqlite(pool) => Ok(Tx::Sqlite(pool.begin_with("BEGIN").await?)),
            Pool::Postgres(pool) => {
                let begin = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
                Ok(Tx::Postgres(answered(begin).await?))
            }
        }
    }

    pub(super) async fn close(&self) {
        for pool in [&self.read, &self.write] {
            match pool {
                Pool::Sqlite(pool) => pool.close().await,
                Pool::Postgres(pool) => pool.close().await,
            }
        }
    }
}

impl Tx {
    /// Makes it durable. After an error nobody knows whether it is: ask what the database then holds.
    pub(super) async fn commit(self) -> Result<(), StateError> {
        match self {
            Self::Sqlite(tx) => Ok(tx.commit().await?),
            Self::Postgres(tx) => answered(tx.commit()).await,
        }
    }
}

async fn answered<T>(call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StateError> {
    timeout(ANSWER_MAX, call).await.map_or(Err(StateError::NoAnswer), |answer| Ok(answer?))
}

/// A value on its way into a statement.
#[derive(Clone, Debug)]
pub(super) enum Value<'q> {
    Int(Option<i64>),
    Text(Option<Cow<'q, str>>),
    Bytes(Option<&'q [u8]>),
    /// Absent, of whatever type its column has.
    Null,
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl<'q> From<&'q str> for Value<'q> {
    fn from(value: &'q str) -> Self {
        Some(value).into()
    }
}

impl<'q> From<Option<&'q str>> for Value<'q> {
    /// PostgreSQL has no text with a zero byte in it; it becomes a replacement character on both.
    fn from(value: Option<&'q str>) -> Self {
        Self::Text(value.map(|text| match text.contains('\0') {
            true => Cow::Owned(text.replace('\0', "\u{FFFD}")),
            false => Cow::Borrowed(text),
        }))
    }
}

impl<'q> From<&'q [u8]> for Value<'q> {
    fn from(value: &'q [u8]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'q> From<Option<&'q [u8]>> for Value<'q> {
    fn from(value: Option<&'q [u8]>) -> Self {
        Self::Bytes(value)
    }
}

/// PostgreSQL finds out by itself what type is absent.
struct Untyped;

impl Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

/// A row that either database gives.
pub(super) trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A statement and its values.
#[derive(Debug)]
pub(super) struct Sql<'q> {
    text: Cow<'static, str>,
    values: Vec<Value<'q>>,
}

/// A statement; its values follow by [`Sql::bind`], the first as `$1`.
pub(super) fn sql<'q>(text: &'static str) -> Sql<'q> {
    Sql { text: Cow::Borrowed(text), values: Vec::new() }
}

/// Runs the statement on whatever `on` is.
macro_rules! run {
    ($sql:expr, $on:expr, $make:expr, $method:ident $(, $after:ident)?) => {{
        let Sql { text, values } = $sql;
        let text = AssertSqlSafe(text);
        match $on {
            On::Pool(Pool::Sqlite(pool)) => $make(text, sqlite(&values)?).$method(pool).await?$(.$after())?,
            On::Tx(Tx::Sqlite(tx)) => $make(text, sqlite(&values)?).$method(&mut **tx).await?$(.$after())?,
            On::Pool(Pool::Postgres(pool)) => {
                answered($make(text, postgres(&values)?).$method(pool)).await?$(.$after())?
            }
            On::Tx(Tx::Postgres(tx)) => answered($make(text, postgres(&values)?).$method(&mut **tx)).await?$(.$after())?,
        }
    }};
}

impl<'q> Sql<'q> {
    /// A statement whose text was put together from texts of this crate, never from data.
    pub(super) fn made(text: String, values: Vec<Value<'q>>) -> Self {
        Self { text: Cow::Owned(text), values }
    }

    pub(super) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it; how many rows it touched.
    pub(super) async fn execute(self, on: impl Into<On<'_>>) -> Result<u64, StateError> {
        Ok(run!(self, on.into(), sqlx::query_with, execute, rows_affected))
    }

    /// All its rows.
    pub(super) async fn all<T: Row>(self, on: impl Into<On<'_>>) -> Result<Vec<T>, StateError> {
        Ok(run!(self, on.into(), sqlx::query_as_with::<_, T, _>, fetch_all))
    }

    /// Its first row, if there is one.
    pub(super) async fn optional<T: Row>(self, on: impl Into<On<'_>>) -> Result<Option<T>, StateError> {
        Ok(run!(self, on.into(), sqlx::query_as_with::<_, T, _>, fetch_optional))
    }

    /// Its first row; one is there.
    pub(super) async fn one<T: Row>(self, on: impl Into<On<'_>>) -> Result<T, StateError> {
        Ok(run!(self, on.into(), sqlx::query_as_with::<_, T, _>, fetch_one))
    }
}

fn sqlite(values: &[Value<'_>]) -> Result<SqliteArguments, StateError> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Int(value) => Arguments::add(&mut arguments, *value),
            Value::Text(value) => Arguments::add(&mut arguments, value.as_deref()),
            Value::Bytes(value) => Arguments::add(&mut arguments, *value),
            Value::Null => Arguments::add(&mut arguments, None::<i64>),
        };
        added.map_err(|error| StateError::Query(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

fn postgres(values: &[Value<'_>]) -> Result<PgArguments, StateError> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Int(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.as_deref()),
            Value::Bytes(value) => arguments.add(*value),
            Value::Null => arguments.add(Untyped),
        };
        added.map_err(|error| StateError::Query(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn transactions_go_on_after_sqlite_took_one_back_itself() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::sqlite(&directory.path().join("state.db")).await.unwrap();
        let mut tx = database.begin().await.unwrap();
        sql("ROLLBACK").execute(&mut tx).await.unwrap();
        drop(tx);
        let mut tx = database.begin().await.unwrap();
        sql("CREATE TABLE kept (number INTEGER)").execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(sql("INSERT INTO kept VALUES (1)").execute(&database.write).await.unwrap(), 1);
    }
}
