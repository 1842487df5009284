//! Which database a test's state is in: a file in its directory, or a schema of its own on PostgreSQL.
//!
//! Every test of the API and of the pipeline runs on SQLite; [`on_postgres`](crate::on_postgres) runs the same functions again on
//! PostgreSQL. The choice holds for the thread that runs the test. A directory has one schema, so a server that starts again on it
//! finds its state.

use sha2::{Digest, Sha256};
use sqlx::Connection;
use std::cell::Cell;
use std::path::Path;
use yagura_server::StateUrl;

const VARIABLE: &str = "YAGURA_TEST_POSTGRES";

thread_local! {
    static POSTGRES: Cell<bool> = const { Cell::new(false) };
}

/// The address of a service; without it the test says so and ends, except in CI.
pub(crate) fn service(variable: &str, name: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    if found.is_none() {
        assert!(std::env::var("YAGURA_TEST_SERVICES").is_err(), "{variable} is not set");
        println!("skipped: {variable} is not set (scripts/services start {name})");
    }
    found
}

/// Runs a test on PostgreSQL.
pub(crate) fn on_postgres(test: impl FnOnce()) {
    if service(VARIABLE, "postgres").is_some() {
        POSTGRES.set(true);
        test();
    }
}

/// Whether this test is on PostgreSQL.
pub(crate) fn is_postgres() -> bool {
    POSTGRES.get()
}

fn schema_of(dir: &Path) -> String {
    let digest = Sha256::digest(dir.as_os_str().as_encoded_bytes());
    digest.iter().take(8).fold("t".to_owned(), |name, byte| format!("{name}{byte:02x}"))
}

fn server() -> String {
    std::env::var(VARIABLE).unwrap()
}

/// The address of a state in the schema of `dir`, made if absent.
pub(crate) async fn schema_url(server: &str, dir: &Path) -> String {
    let schema = schema_of(dir);
    let mut connection = sqlx::PgConnection::connect(server).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
    sqlx::raw_sql(create).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    format!("{server}?options[search_path]={schema}")
}

/// The address of the state of the server on `dir`.
pub(crate) async fn state_url(dir: &Path) -> String {
    match is_postgres() {
        true => schema_url(&server(), dir).await,
        false => format!("sqlite://{}", dir.join("state.db").display()),
    }
}

/// Runs SQL on the state of the server on `dir`, past the server.
pub(crate) async fn run_sql(dir: &Path, text: &str) {
    let (url, text) = (state_url(dir).await, sqlx::AssertSqlSafe(text.to_owned()));
    if is_postgres() {
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    } else {
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// Copies a table from the state of the server on `from` into that on `dir`.
pub(crate) async fn copy_table(from: &Path, dir: &Path, table: &str) {
    let text = if is_postgres() {
        format!("INSERT INTO {table} SELECT * FROM {}.{table}", schema_of(from))
    } else {
        let file = from.join("state.db");
        format!("ATTACH '{}' AS other; INSERT INTO {table} SELECT * FROM other.{table}", file.display())
    };
    run_sql(dir, &text).await;
}

pub(crate) async fn parsed_url(dir: &Path) -> StateUrl {
    state_url(dir).await.parse().unwrap()
}

/// Runs tests of this file once more, on PostgreSQL. All of them: `every_test_is_listed` compares the list with the file.
#[macro_export]
macro_rules! on_postgres {
    ($file:literal: $($test:ident),+ $(; except $($except:literal),+)? $(,)?) => {
        mod on_postgres {
            $(
                #[test]
                fn $test() {
                    $crate::rig::database::on_postgres(super::$test);
                }
            )+

            #[test]
            fn every_test_is_listed() {
                let listed = [$(stringify!($test)),+ $($(, $except)+)?];
                $crate::rig::database::check_listed(include_str!($file), &listed);
            }
        }
    };
}

/// Whether all tests of a source are in the list.
pub(crate) fn check_listed(source: &str, listed: &[&str]) {
    let mut lines = source.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.starts_with("#[tokio::test") || line == "#[test]" {
            let declared = lines.next().unwrap().trim_start_matches("async ").trim_start_matches("fn ");
            let name = declared.split('(').next().unwrap();
            // The macro's own text, where a source holds one.
            assert!(name.starts_with('$') || listed.contains(&name), "{name} is not in the list for PostgreSQL");
        }
    }
}
