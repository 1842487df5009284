//! What is not answered, and how it says so.

use crate::rows::Asked;
use expect_test::expect;
use yagura_query::{Limits, QueryError, Question, Rows, SQL_BYTES_MAX, Scope, TERMS_MAX, tables};
use yagura_store::{At, Table};

#[test]
fn nothing_but_one_select_is_answered() {
    let asked = Asked::new();
    let refused = [
        "DELETE FROM events",
        "INSERT INTO events SELECT * FROM events",
        "UPDATE events SET vehicle = 'x'",
        "DROP TABLE events",
        "CREATE TABLE x AS SELECT * FROM events",
        "CREATE EXTERNAL TABLE x STORED AS PARQUET LOCATION '/etc/'",
        "COPY events TO '/tmp/x.parquet'",
        "COPY (SELECT * FROM events) TO '/tmp/x.csv'",
        "SET datafusion.execution.batch_size = 1",
        "SHOW TABLES",
        "EXPLAIN SELECT * FROM events",
        "PREPARE x AS SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE events",
        "BEGIN",
        "",
    ];
    let said: Vec<String> = refused.iter().map(|sql| format!("{sql}: {}", asked.refusal(sql))).collect();
    expect![[r#"
        DELETE FROM events: only one SELECT statement is answered, not DELETE
        INSERT INTO events SELECT * FROM events: only one SELECT statement is answered, not INSERT
        UPDATE events SET vehicle = 'x': only one SELECT statement is answered, not UPDATE
        DROP TABLE events: only one SELECT statement is answered, not DROP
        CREATE TABLE x AS SELECT * FROM events: only one SELECT statement is answered, not CREATE
        CREATE EXTERNAL TABLE x STORED AS PARQUET LOCATION '/etc/': only one SELECT statement is answered, not CREATE
        COPY events TO '/tmp/x.parquet': only one SELECT statement is answered, not COPY
        COPY (SELECT * FROM events) TO '/tmp/x.csv': only one SELECT statement is answered, not COPY
        SET datafusion.execution.batch_size = 1: only one SELECT statement is answered, not SET
        SHOW TABLES: only one SELECT statement is answered, not SHOW
        EXPLAIN SELECT * FROM events: only one SELECT statement is answered, not EXPLAIN
        PREPARE x AS SELECT 1: only one SELECT statement is answered, not PREPARE
        SELECT 1; SELECT 2: only one SELECT statement is answered, not 2 statements
        SELECT 1; DROP TABLE events: only one SELECT statement is answered, not 2 statements
        BEGIN: only one SELECT statement is answered, not BEGIN
        : there is no statement"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn no_file_can_be_named() {
    let asked = Asked::new();
    let refused = [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('/tmp/x.parquet')",
        "SELECT * FROM parquet_metadata('/tmp/x.parquet')",
        "SELECT * FROM lake.public.other",
        "SELECT * INTO x FROM events",
        "WITH x AS (DELETE FROM events RETURNING *) SELECT * FROM x",
    ];
    for sql in refused {
        let answer = asked.ask_at(Scope::Tenant("acme".to_owned()), sql, At::Latest);
        assert!(
            matches!(answer, Err(QueryError::Sql { .. } | QueryError::NotASelect { .. })),
            "{sql}: {:?}",
            answer.map(|answer| answer.rows())
        );
    }
}

#[test]
fn a_mistake_is_explained() {
    let asked = Asked::new();
    let wrong = [
        "SELEC 1",
        "SELECT vehicel FROM events",
        "SELECT * FROM event",
        "SELECT count(vehicle, 1, 2) FROM events WHERE",
        "SELECT 1 / 0",
        "SELECT CAST('x' AS INT)",
    ];
    let said: Vec<String> = wrong.iter().map(|sql| format!("{sql}: {}", asked.refusal(sql))).collect();
    expect![[r#"
        SELEC 1: SQL error: ParserError("Expected: an SQL statement, found: SELEC at Line: 1, Column: 1")
        SELECT vehicel FROM events: Schema error: No field named vehicel. Did you mean 'events.vehicle'?
        Valid fields are events.time, events.received_time, events.event_date, events.vehicle_bucket, events.tenant, events.vehicle, events.sensor, events.event_id, events.event_name, events.severity_id, events.count, events.idsm_instance, events.sensor_instance, events.bus, events.can_id, events.can_extended, events.frame_kind, events.expected, events.observed, events.payload, events.speed_kmh, events.gear, events.boot, events.sequence, events.position, events.entry_index, events.place_start_bit, events.place_bits, events.witness, events.product, events.source, events.trusted, events.action, events.user, events.src_ip, events.status, events.status_code, events.resource, events.session, events.message, events.attributes.
        SELECT * FROM event: Error during planning: table 'lake.public.event' not found
        SELECT count(vehicle, 1, 2) FROM events WHERE: SQL error: ParserError("Expected: an expression, found: EOF")
        SELECT 1 / 0: Arrow error: Divide by zero error
        SELECT CAST('x' AS INT): Arrow error: Cast error: Cannot cast string 'x' to value of Int32 type"#]].assert_eq(&said.join("\n"));
    let long = format!("SELECT '{}'", "x".repeat(SQL_BYTES_MAX));
    assert!(asked.refusal(&long).ends_with("the maximum is 65536"));
    let deep = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(!asked.refusal(&deep).is_empty());
}

/// As many terms as there may be, in the forms that make the deepest trees: each is answered or refused, and the process lives on.
#[test]
fn deep_statements_do_not_exhaust_the_stack() {
    let asked = Asked::new();
    let chain = |head: &str, link: &str, terms: usize| format!("{head}{}", link.repeat((TERMS_MAX - 8) / terms));
    for (sql, expected) in [
        (chain("SELECT 1", "+1", 1), "993\n"),
        (chain("SELECT 'a' = 'a'", " OR 1=1", 2), "true\n"),
        (chain("SELECT count(*) FROM events WHERE bus = 7", " OR bus = 7", 3), "414\n"),
        (chain("SELECT 1", " UNION ALL SELECT 1", 3), ""),
        (chain("SELECT count(*) FROM (SELECT 1) a", " CROSS JOIN (SELECT 1)", 3), ""),
    ] {
        let answer = asked.ask_at(Scope::Tenant("acme".to_owned()), &sql, At::Latest);
        let head = &sql[..40];
        match answer {
            Ok(answer) => {
                let text = String::from_utf8(answer.csv().unwrap()).unwrap();
                assert!(text.ends_with(expected), "{head}: {text}");
            }
            Err(QueryError::TimedOut { .. } | QueryError::Memory { .. } | QueryError::Sql { .. }) => {}
            Err(other) => panic!("{head}: {other:?}"),
        }
    }
    for link in ["+1", "||'a'", " OR bus=1", " UNION ALL SELECT 1", "::int", "[1]", " NOT", " -", ".a"] {
        let long = format!("SELECT 1{}", link.repeat((SQL_BYTES_MAX - 8) / link.len()));
        assert!(matches!(tables(&long), Err(QueryError::TooManyTerms { .. } | QueryError::Sql { .. })), "{link}");
    }
    let list = (0..10_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let sql = format!("SELECT count(*) FROM events WHERE position IN ({list})");
    assert_eq!(asked.acme(&sql), "414\n");
}

#[test]
fn rows_memory_and_time_are_bounded() {
    let limits =
        Limits { rows_max: 50, memory_bytes_max: 32 << 20, spill_bytes_max: 0, seconds_max: 1, ..Limits::default() };
    let asked = Asked::within(limits);
    let scope = || Scope::Tenant("acme".to_owned());
    let cut = asked.ask_at(scope(), "SELECT * FROM events", At::Latest).unwrap();
    assert_eq!((cut.rows(), cut.truncated), (50, true));
    let whole = asked.ask_at(scope(), "SELECT * FROM events LIMIT 50", At::Latest).unwrap();
    assert_eq!((whole.rows(), whole.truncated), (50, false));
    let endless =
        "SELECT count(*) FROM events a, events b, events c, events d WHERE a.position + b.position < c.position";
    expect!["no answer within 1 s: ask for a shorter time or a single vehicle"].assert_eq(&asked.refusal(endless));
    let greedy = "SELECT count(*) FROM (SELECT DISTINCT value FROM generate_series(1, 50000000))";
    let said = asked.refusal(greedy);
    assert!(said.contains("33554432 bytes of memory") || said.contains("within 1 s"), "{said}");
}

#[test]
fn too_many_at_once_are_told_to_wait() {
    let asked = Asked::within(Limits { queries_max: 0, ..Limits::default() });
    expect!["0 queries are under way, the maximum: ask again in a moment"].assert_eq(&asked.refusal("SELECT 1"));
}

#[test]
fn who_goes_away_is_not_worked_for() {
    let asked = Asked::within(Limits { queries_max: 1, ..Limits::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let endless =
        "SELECT count(*) FROM events a, events b, events c, events d WHERE a.position + b.position < c.position";
    let question = Question { scope: Scope::Operator, sql: endless.to_owned(), rows: 1 };
    let snapshot = asked.lake.snapshot(Table::Events, At::Latest).unwrap();
    runtime.block_on(async {
        let answer = asked.engine.ask(question, vec![Rows { snapshot, waiting: Vec::new() }]);
        let gone = tokio::time::timeout(std::time::Duration::from_millis(50), answer).await;
        assert!(gone.is_err());
    });
    // Its place is free at once.
    assert_eq!(asked.acme("SELECT 1"), "1\n");
}
