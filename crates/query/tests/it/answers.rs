//! Answers are those of the rows, wherever the rows are.

use crate::rows::{Asked, tenant};
use arrow::ipc::reader::StreamReader;
use expect_test::expect;
use yagura_query::{QueryError, Scope};
use yagura_store::At;

fn own() -> Vec<u64> {
    (0..620).filter(|p| tenant(*p) == "acme").collect()
}

#[test]
fn files_and_waiting_rows_are_one_table_and_each_row_is_seen_once() {
    let asked = Asked::new();
    let own = own();
    let sum: u64 = own.iter().sum();
    let sql = "SELECT count(*), count(DISTINCT position), sum(position), max(position) FROM events";
    assert_eq!(asked.acme(sql), format!("{},{},{sum},619\n", own.len(), own.len()));
    assert_eq!(asked.acme("SELECT count(*) FROM events WHERE position >= 600"), "14\n");
    assert_eq!(asked.acme("SELECT count(*) FROM events WHERE position BETWEEN 570 AND 609"), "27\n");
}

#[test]
fn time_and_vehicle_choose_rows_as_sql_says() {
    let asked = Asked::new();
    let its: Vec<u64> = own().into_iter().filter(|p| p % 10 == 4).collect();
    let positions: String = its.iter().map(|p| format!("{p}\n")).collect();
    assert_eq!(asked.acme("SELECT position FROM events WHERE vehicle = 'car-4' ORDER BY time"), positions);
    let within = its.iter().filter(|p| (60..360).contains(*p)).count();
    let sql = "SELECT count(*) FROM events WHERE vehicle = 'car-4' AND time >= '2026-11-22T00:10:00Z' \
               AND time < '2026-11-22T01:00:00Z'";
    assert_eq!(asked.acme(sql), format!("{within}\n"));
    assert_eq!(asked.acme("SELECT count(*) FROM events WHERE vehicle = 'car-99' OR time < '2020-01-01'"), "0\n");
    let all = own().len();
    assert_eq!(asked.acme("SELECT count(*) FROM events WHERE event_date = DATE '2026-11-22'"), format!("{all}\n"));
}

#[test]
fn groups_joins_and_windows_work() {
    let asked = Asked::new();
    let sql = "SELECT severity_id, count(*) AS n FROM events GROUP BY severity_id ORDER BY severity_id";
    expect![[r#"
        0,83
        1,83
        2,82
        3,83
        4,83
    "#]]
    .assert_eq(&asked.acme(sql));
    let sql = "WITH first AS (SELECT vehicle, min(time) AS t FROM events GROUP BY vehicle) \
               SELECT count(*) FROM events e JOIN first f ON e.vehicle = f.vehicle AND e.time = f.t";
    assert_eq!(asked.acme(sql), "10\n");
    let sql = "SELECT max(n) FROM (SELECT row_number() OVER (PARTITION BY vehicle ORDER BY time) AS n FROM events)";
    assert_eq!(asked.acme(sql), "42\n");
    assert_eq!(asked.acme("SELECT count(*) FROM alerts"), "0\n");
    let sql = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'events'";
    assert_eq!(asked.acme(&format!("{sql} AND EXISTS (SELECT 1 FROM events)")), "41\n");
}

#[test]
fn an_answer_has_the_same_rows_in_every_form() {
    let asked = Asked::new();
    let sql = "SELECT position, vehicle, time, payload, speed_kmh, \"user\", NULL AS nothing FROM events \
               WHERE position < 2 ORDER BY position";
    let answer = asked.ask_at(Scope::Tenant("acme".to_owned()), sql, At::Latest).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    expect![[r#"[{"position":0,"vehicle":"car-0","time":"2026-11-22T00:00:00Z","payload":"00ab","speed_kmh":0.0,"user":"user 0","nothing":null},{"position":1,"vehicle":"car-1","time":"2026-11-22T00:00:10Z","payload":"01ab","speed_kmh":0.125,"user":"user 1","nothing":null}]"#]]
        .assert_eq(&text(answer.json().unwrap()));
    expect![[r#"
        position,vehicle,time,payload,speed_kmh,user,nothing
        0,car-0,2026-11-22T00:00:00Z,00ab,0.0,user 0,
        1,car-1,2026-11-22T00:00:10Z,01ab,0.125,user 1,
    "#]]
    .assert_eq(&text(answer.csv().unwrap()));
    assert_eq!(text(answer.json_lines().unwrap()).lines().count(), 2);
    let bytes = answer.arrow().unwrap();
    let batches: Vec<_> = StreamReader::try_new(bytes.as_slice(), None).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2);
    let none = asked.ask_at(Scope::Tenant("acme".to_owned()), "SELECT vehicle FROM events WHERE false", At::Latest);
    let none = none.unwrap();
    assert_eq!((text(none.json().unwrap()), text(none.csv().unwrap())), ("[]".to_owned(), "vehicle\n".to_owned()));
}

#[test]
fn a_table_can_be_asked_as_it_was() {
    let asked = Asked::new();
    let count = |at: At| -> Result<usize, QueryError> {
        let answer = asked.ask_at(Scope::Operator, "SELECT position FROM events", at)?;
        Ok(answer.rows())
    };
    assert_eq!(count(At::Version(1)).unwrap(), 20);
    assert_eq!(count(At::Version(3)).unwrap(), 60);
    assert_eq!(count(At::Latest).unwrap(), 620);
    assert!(count(At::Version(999)).is_err());
}

#[test]
fn times_in_utc_are_cut_as_the_calendar_does() {
    let asked = Asked::new();
    let times = "VALUES ('1969-12-31T23:30:01.5Z'), ('1970-01-01T00:00:00Z'), ('2026-11-22T13:59:59.999999Z'), \
                 ('2024-02-29T23:59:59Z'), (NULL)";
    let utc = "arrow_cast(v.column1, 'Timestamp(Microsecond, Some(\"UTC\"))')";
    // The same zone under a name that is not known to be UTC is left to the calendar.
    let calendar = "arrow_cast(v.column1, 'Timestamp(Microsecond, Some(\"Etc/UTC\"))')";
    for unit in ["second", "MINUTE", "hour", "day", "week", "month"] {
        let sql = format!(
            "SELECT count(*) FROM ({times}) AS v WHERE CAST(date_trunc('{unit}', {utc}) AS BIGINT) \
             IS DISTINCT FROM CAST(date_trunc('{unit}', {calendar}) AS BIGINT)"
        );
        assert_eq!(asked.acme(&sql), "0\n", "{unit}");
    }
    // A year that no nanosecond reaches, from a clock gone wrong.
    let early = "arrow_cast('0001-01-01T00:59:59Z', 'Timestamp(Microsecond, Some(\"UTC\"))')";
    assert_eq!(asked.acme(&format!("SELECT date_trunc('hour', {early})")), "0001-01-01T00:00:00Z\n");
    let sql = "SELECT date_trunc('hour', time) AS h, count(*) FROM events GROUP BY 1 ORDER BY 1 LIMIT 2";
    assert_eq!(asked.acme(sql), "2026-11-22T00:00:00Z,240\n2026-11-22T01:00:00Z,174\n");
}
