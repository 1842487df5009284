"""Other engines must say of the lake's tables what we say.

Not a test of those engines. DuckDB gets the files of the Delta snapshot with hive partitioning (its own Delta extension is
a download); ClickHouse (chdb) and Spark read the Delta table themselves; delta-rs reads it into Arrow. Asked of: the golden table of an
earlier version, and a lake that a short demo leaves; there a vehicle is forgotten, and everything is asked again.
A lake that is given by name is only read.
"""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import duckdb
from deltalake import DeltaTable

# Columns are those of docs/format; MICROS and TEXT are written as each engine has them.
QUESTIONS = {
    "events": {
        "rows": "SELECT count(*), count(DISTINCT vehicle), count(DISTINCT tenant) FROM events",
        "sums": "SELECT sum(event_id), sum(severity_id), sum(position), sum(entry_index), sum(count) FROM events",
        "nulls": "SELECT count(payload), count(gear), count(can_id), count(witness), count(product), count(message) FROM events",
        "truth": "SELECT sum(CASE WHEN can_extended THEN 1 ELSE 0 END), max(speed_kmh), min(speed_kmh) FROM events",
        "kinds": "SELECT event_id, event_name, count(*) FROM events GROUP BY event_id, event_name ORDER BY event_id",
        "times": "SELECT MICROS(min(time)), MICROS(max(time)), MICROS(max(received_time)) FROM events",
        "partitions": "SELECT TEXT(event_date) AS day, vehicle_bucket, count(*) FROM events GROUP BY event_date, vehicle_bucket ORDER BY event_date, vehicle_bucket",
        "timeline": "SELECT MICROS(time) AS at, position, entry_index, event_id, speed_kmh FROM events WHERE vehicle = 'VEHICLE' ORDER BY time, position, entry_index LIMIT 500",
    },
    "vehicle_state": {
        "rows": "SELECT count(*), count(DISTINCT vehicle), count(gear), sum(position) FROM vehicle_state",
        "values": "SELECT max(speed_kmh), min(accelerator_percent), sum(CASE WHEN brake_pressed THEN 1 ELSE 0 END) FROM vehicle_state",
        "times": "SELECT MICROS(min(time)), MICROS(max(received_time)) FROM vehicle_state",
        "partitions": "SELECT TEXT(event_date) AS day, vehicle_bucket, count(*) FROM vehicle_state GROUP BY event_date, vehicle_bucket ORDER BY event_date, vehicle_bucket",
        "timeline": "SELECT MICROS(time) AS at, position, entry_index, gear FROM vehicle_state WHERE vehicle = 'VEHICLE' ORDER BY time, position, entry_index LIMIT 500",
    },
    "alerts": {
        "rows": "SELECT count(*), count(DISTINCT alert_id), sum(count), sum(severity_id) FROM alerts",
        "rules": "SELECT rule_id, title, sum(count) FROM alerts GROUP BY rule_id, title ORDER BY rule_id",
        "times": "SELECT MICROS(min(time)), MICROS(max(window_start)) FROM alerts",
        "partitions": "SELECT TEXT(event_date) AS day, vehicle_bucket, count(*) FROM alerts GROUP BY event_date, vehicle_bucket ORDER BY event_date, vehicle_bucket",
        "timeline": "SELECT MICROS(time) AS at, alert_id, position, entry_index FROM alerts WHERE vehicle = 'VEHICLE' ORDER BY time, position, entry_index, alert_id LIMIT 500",
    },
}
ROWS = "SELECT count(*), sum(position) FROM {}"
DEMO = ["--fleet", "6", "--seconds", "25", "--attack-after", "3", "--gate", "127.0.0.1:0", "--console", "127.0.0.1:0"]


def spelled(sql, micros, text):
    sql = re.sub(r"MICROS\(((?:\w+\(\w+\))|\w+)\)", lambda found: micros.format(found[1]), sql)
    return re.sub(r"TEXT\((\w+)\)", lambda found: text.format(found[1]), sql)


def normal(rows):
    def cell(value):
        if value is None or value in ("", "\\N"):
            return ""
        try:
            number = float(value)
        except ValueError:
            return str(value)
        return repr(int(number)) if number.is_integer() else repr(number)

    return [[cell(value) for value in row] for row in rows]


def program(*args):
    return subprocess.run([os.environ["YAGURA"], *args], check=True, capture_output=True, text=True).stdout


class Ours:
    name = "yagura"

    def __init__(self, data):
        self.data = data

    def ask(self, table, sql, version=None):
        at = [] if version is None else ["--at", str(version)]
        sql = spelled(sql, "CAST({} AS BIGINT)", "CAST({} AS VARCHAR)")
        text = program("lake", "query", sql, "--csv", "--rows", "1000000", "--data", self.data, *at)
        return normal(list(csv.reader(io.StringIO(text)))[1:])


def asked_of_duckdb(con, sql):
    return normal(con.execute(spelled(sql, "epoch_us({})", "CAST({} AS VARCHAR)")).fetchall())


class DuckDb:
    name = "duckdb"

    def __init__(self, lake):
        self.lake = lake

    def ask(self, table, sql, version=None):
        delta = DeltaTable(os.path.join(self.lake, table), version=version)
        con = duckdb.connect()
        con.execute("SET TimeZone = 'UTC'")
        if not delta.file_uris():
            # Nothing is left, and DuckDB is given files.
            con.register(table, delta.to_pyarrow_table())
            return asked_of_duckdb(con, sql)
        read = f"read_parquet({delta.file_uris()!r}, hive_partitioning = true, union_by_name = true)"
        have = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()}
        # Files from before a column came do not have it; the Delta schema does.
        later = "".join(f', NULL AS "{field.name}"' for field in delta.schema().fields if field.name not in have)
        con.execute(f"CREATE VIEW {table} AS SELECT *{later} FROM {read}")
        return asked_of_duckdb(con, sql)


class DeltaRs:
    name = "delta-rs"

    def __init__(self, lake):
        self.lake = lake

    def ask(self, table, sql, version=None):
        con = duckdb.connect()
        con.execute("SET TimeZone = 'UTC'")
        con.register(table, DeltaTable(os.path.join(self.lake, table), version=version).to_pyarrow_table())
        return asked_of_duckdb(con, sql)


class ClickHouse:
    name = "clickhouse"

    def __init__(self, lake):
        self.lake = lake

    def ask(self, table, sql, version=None):
        import chdb

        # It reads below its working directory alone.
        os.chdir(self.lake)
        place = os.path.join(self.lake, table)
        sql = spelled(sql, "toUnixTimestamp64Micro({})", "toString({})").replace(f"FROM {table}", f"FROM deltaLakeLocal('{place}')")
        then = "" if version is None else f" SETTINGS delta_lake_snapshot_version = {version}"
        return normal(list(csv.reader(io.StringIO(str(chdb.query(sql + then, "CSV"))))))


class Spark:
    """Apache Spark with Delta's own reader, in a process of its own."""

    name = "spark"

    def __init__(self, lake, process):
        self.lake, self.process = lake, process

    @staticmethod
    def start(root):
        command = [os.environ["SPARK_PYTHON"], os.path.join(root, "scripts/readers.d/spark.py")]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, table, sql, version=None):
        sql = spelled(sql, "unix_micros({})", "CAST({} AS STRING)")
        then = "" if version is None else f" VERSION AS OF {version}"
        sql = sql.replace(f"FROM {table}", f"FROM delta.`{os.path.join(self.lake, table)}`{then}")
        self.process.stdin.write(json.dumps(sql) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if isinstance(answer, str):
            sys.exit(f"spark: {answer}")
        return normal(answer)


class Check:
    def __init__(self, root):
        self.root, self.wrong, self.spark = root, 0, Spark.start(root)

    def compare(self, what, table, sql, lake, data, version=None):
        expected = Ours(data).ask(table, sql, version)
        for engine in (DuckDb(lake), ClickHouse(lake), DeltaRs(lake), Spark(lake, self.spark)):
            try:
                found = engine.ask(table, sql, version)
            except Exception as error:  # An engine that cannot read the table is what is looked for.
                found = [[f"{type(error).__name__}: {str(error).splitlines()[0]}"]]
            same = found == expected
            self.wrong += not same
            print(f"{'equal' if same else 'DIFFERS':8} {engine.name:11} {table:14} {what:24} {len(expected)} rows", flush=True)
            if not same:
                print("  ours  ", expected[:3], "\n  theirs", found[:3])

    def tables(self, data, vehicle, when):
        lake = os.path.join(data, "lake")
        for table, questions in QUESTIONS.items():
            if DeltaTable.is_deltatable(os.path.join(lake, table)) and DeltaTable(os.path.join(lake, table)).file_uris():
                for what, sql in questions.items():
                    self.compare(f"{what}{when}", table, sql.replace("VEHICLE", vehicle), lake, data)

    def past(self, data):
        lake = os.path.join(data, "lake")
        for table in QUESTIONS:
            if DeltaTable.is_deltatable(os.path.join(lake, table)) and DeltaTable(os.path.join(lake, table)).version() > 1:
                self.compare("version 1", table, ROWS.format(table), lake, data, 1)

    def forgotten(self, data, vehicle):
        tenant = program("lake", "query", f"SELECT tenant FROM events WHERE vehicle = '{vehicle}' LIMIT 1", "--csv", "--data", data).splitlines()[1]
        program("lake", "forget", vehicle, "--tenant", tenant, "--reason", "check of readers", "--data", data)
        lake = os.path.join(data, "lake")
        for table in QUESTIONS:
            rows = Ours(data).ask(table, f"SELECT count(*) FROM {table} WHERE vehicle = '{vehicle}'")
            self.wrong += rows != [["0"]]
            self.compare("of the forgotten vehicle", table, f"SELECT count(*), 0 FROM {table} WHERE vehicle = '{vehicle}'", lake, data)

    def end(self):
        self.spark.stdin.close()
        self.spark.wait()
        print("all equal" if self.wrong == 0 else f"{self.wrong} answers differ")
        return 1 if self.wrong else 0


def loudest(data):
    sql = "SELECT vehicle FROM events GROUP BY vehicle ORDER BY count(*) DESC, vehicle LIMIT 1"
    return program("lake", "query", sql, "--csv", "--data", data).splitlines()[1]


def main(root, given):
    check = Check(root)
    if given:
        data = os.path.abspath(given)
        check.tables(data, loudest(data), "")
        check.past(data)
        return check.end()
    with tempfile.TemporaryDirectory() as scratch:
        golden = os.path.join(scratch, "golden")
        # Our reader adds the columns that came since, so it works on a copy. Spark goes back an hour, by the times of the log's files.
        shutil.copytree(os.path.join(root, "testdata/lake/v1"), os.path.join(golden, "lake"), copy_function=shutil.copyfile)
        check.tables(golden, loudest(golden), ", older version")
        check.past(golden)
        demo = os.path.join(scratch, "demo")
        program("demo", "--data", demo, *DEMO)
        data = os.path.join(demo, "server")
        vehicle = loudest(data)
        check.tables(data, vehicle, "")
        check.past(data)
        check.forgotten(data, vehicle)
        check.tables(data, vehicle, ", one forgotten")
        os.chdir(root)
    return check.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
