"""Other engines over the lake's tables: the same answers (check), and how fast (peers).

Not a test of those engines. DuckDB gets the files of the Delta snapshot with hive partitioning (its own Delta extension is
a download); ClickHouse (chdb) reads the Delta table itself; delta-rs reads it into Arrow.
"""

import csv
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

QUESTIONS = {
    "rows": "SELECT count(*) AS a, count(DISTINCT vehicle) AS b FROM events",
    "sums": "SELECT sum(event_id) AS a, sum(severity_id) AS b, sum(position) AS c, sum(entry_index) AS d, sum(count) AS e FROM events",
    "new columns": "SELECT count(witness) AS a, count(product) AS b, count(message) AS c FROM events",
    "kinds": "SELECT event_id AS a, count(*) AS b FROM events GROUP BY event_id ORDER BY event_id",
}
TIMELINE = "SELECT position AS a, entry_index AS b, event_id AS c, speed_kmh AS d FROM events WHERE vehicle = '{}' ORDER BY time, position, entry_index LIMIT 500"


def table(lake):
    return DeltaTable(os.path.join(lake, "events"))


def files(lake):
    return table(lake).file_uris()


def ours(data, sql):
    command = [os.environ["YAGURA"], "lake", "query", sql, "--csv", "--rows", "1000000", "--data", data]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return normal(list(csv.reader(io.StringIO(text)))[1:])


def normal(rows):
    def cell(value):
        if value is None or value == "" or value == "\\N":
            return ""
        number = float(value)
        return repr(int(number)) if number.is_integer() else repr(number)

    return [[cell(value) for value in row] for row in rows]


def duck(lake):
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute(
        "CREATE VIEW events AS SELECT * FROM read_parquet($files, hive_partitioning = true, union_by_name = true)".replace(
            "$files", repr(files(lake))
        )
    )
    return con


def by_duckdb(lake, sql):
    con = duck(lake)
    have = {row[0] for row in con.execute("DESCRIBE events").fetchall()}
    if not all(name in have for name in ("witness", "product", "message")):
        # Files from before the columns came do not have them; the Delta schema does.
        con.execute("CREATE OR REPLACE VIEW later AS SELECT *, NULL AS witness, NULL AS product, NULL AS message FROM events")
        sql = sql.replace("FROM events", "FROM later")
    return normal(con.execute(sql).fetchall())


def by_clickhouse(lake, sql):
    import chdb

    # It reads below its working directory alone.
    os.chdir(lake)
    place = os.path.join(lake, "events")
    sql = sql.replace("FROM events", f"FROM deltaLakeLocal('{place}')")
    text = str(chdb.query(sql, "CSV"))
    return normal(list(csv.reader(io.StringIO(text))))


def by_delta_rs(lake, sql):
    con = duckdb.connect()
    con.register("events", table(lake).to_pyarrow_table())
    return normal(con.execute(sql).fetchall())


def check(root, data):
    scratch = None
    if data is None:
        # Our reader adds the columns that came since, so it works on a copy.
        scratch = tempfile.mkdtemp()
        shutil.copytree(os.path.join(root, "testdata/lake/v1"), os.path.join(scratch, "lake"))
        data = scratch
    data = os.path.abspath(data)
    lake = os.path.join(data, "lake") if os.path.isdir(os.path.join(data, "lake")) else data
    subject = data if os.path.isdir(os.path.join(data, "lake")) else os.path.dirname(lake.rstrip("/"))
    vehicle = subprocess.run(
        [os.environ["YAGURA"], "lake", "query", "SELECT vehicle FROM events GROUP BY vehicle ORDER BY count(*) DESC, vehicle LIMIT 1", "--csv", "--data", subject],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()[1]
    questions = dict(QUESTIONS, timeline=TIMELINE.format(vehicle))
    wrong = 0
    for name, sql in questions.items():
        expected = ours(subject, sql)
        for engine, ask in (("duckdb", by_duckdb), ("clickhouse", by_clickhouse), ("delta-rs", by_delta_rs)):
            found = ask(lake, sql)
            same = found == expected
            wrong += not same
            print(f"{'equal' if same else 'DIFFERS':8} {engine:11} {name:12} {len(expected)} rows")
            if not same:
                print("  ours ", expected[:3], "\n  theirs", found[:3])
    if scratch:
        shutil.rmtree(scratch)
    sys.exit(1 if wrong else 0)


PEERS = {
    "q1": "SELECT event_id, time_bucket(INTERVAL '5 minutes', time) AS t, count(*) AS n FROM events GROUP BY 1, 2",
    "q2": "SELECT vehicle, count(*) AS n FROM events WHERE severity_id >= 3 GROUP BY vehicle ORDER BY n DESC, vehicle LIMIT 20",
    "q3": "SELECT * FROM events WHERE vehicle = 'vehicle-0004711' AND time >= '2026-11-22T06:00:00Z' AND time < '2026-11-22T12:00:00Z' ORDER BY time",
    "q3b": "SELECT * FROM events WHERE vehicle = 'vehicle-0004711' ORDER BY time",
    "q4": "SELECT count(*) FROM events WHERE message LIKE '%SecOC pdu 0x0a%'",
    "q5": "SELECT event_id, date_trunc('hour', time) AS h, count(DISTINCT vehicle) AS n FROM events GROUP BY 1, 2",
}


def best(run):
    times, rows = [], 0
    for _ in range(3):
        begun = time.perf_counter()
        rows = run()
        times.append((time.perf_counter() - begun) * 1000)
    return min(times), rows


def peers(base):
    import datafusion

    for kind in ("arrival", "merged"):
        lake = os.path.join(base, kind)
        # The files of the snapshot alone, without those that a merge replaced.
        clean = os.path.join(base, "snapshot", kind)
        shutil.rmtree(clean, ignore_errors=True)
        for file in table(lake).file_uris():
            file = file.removeprefix("file://")
            to = os.path.join(clean, os.path.relpath(file, os.path.join(lake, "events")))
            os.makedirs(os.path.dirname(to), exist_ok=True)
            os.link(file, to)
        con = duck(lake)
        con.execute("SET threads = 2")
        config = datafusion.SessionConfig().with_target_partitions(2)
        context = datafusion.SessionContext(config)
        partitions = [("event_date", pa.date32()), ("vehicle_bucket", pa.int32())]
        context.register_parquet("events", clean, table_partition_cols=partitions)
        late = datafusion.SessionContext(config)
        late.sql("SET datafusion.execution.parquet.pushdown_filters = true").collect()
        late.register_parquet("events", clean, table_partition_cols=partitions)
        for name, sql in PEERS.items():
            theirs, rows = best(lambda: con.execute(sql).to_arrow_table().num_rows)
            engine = late if name.startswith("q3") else context
            asked = sql.replace("time_bucket", "date_bin")
            fusion, same = best(lambda: sum(batch.num_rows for batch in engine.sql(asked).collect()))
            assert rows == same, (name, rows, same)
            print(f"{kind:8} {name:4} duckdb {theirs:9.1f} ms   datafusion {fusion:9.1f} ms   ratio {fusion / theirs:5.2f}   {rows} rows", flush=True)


if __name__ == "__main__":
    root, verb, *rest = sys.argv[1:]
    if verb == "check":
        check(root, rest[0] if rest else None)
    elif verb == "peers":
        peers(rest[0])
    else:
        sys.exit("readers: check [DIR] | peers DIR")
