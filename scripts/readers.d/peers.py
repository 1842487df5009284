"""Times of the bench's questions: our engine, DuckDB and PyPI's DataFusion over the same files.

Not a test of answers beyond their number of rows (that is `check.py`). The engines are asked in turn, so that what else the machine does
falls on all of them; medians of wall and processor time.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time

import datafusion
import duckdb
import pyarrow as pa
from deltalake import DeltaTable

PEERS = {
    "q1": "SELECT event_id, time_bucket(INTERVAL '5 minutes', time) AS t, count(*) AS n FROM events GROUP BY 1, 2",
    "q2": "SELECT vehicle, count(*) AS n FROM events WHERE severity_id >= 3 GROUP BY vehicle ORDER BY n DESC, vehicle LIMIT 20",
    "q3": "SELECT * FROM events WHERE vehicle = 'vehicle-0004711' AND time >= '2026-11-22T06:00:00Z' AND time < '2026-11-22T12:00:00Z' ORDER BY time",
    "q3b": "SELECT * FROM events WHERE vehicle = 'vehicle-0004711' ORDER BY time",
    "q4": "SELECT count(*) FROM events WHERE message LIKE '%SecOC pdu 0x0a%'",
    "q5": "SELECT event_id, date_trunc('hour', time) AS h, count(DISTINCT vehicle) AS n FROM events GROUP BY 1, 2",
}


class Ours:
    """The engine of the program, in its bench."""

    def __init__(self, root, base):
        cargo = ["cargo", "bench", "-q", "-p", "yagura-cli", "-p", "yagura-query", "--bench", "lake", "--"]
        # A bench that was built before, if it is named.
        named = os.environ.get("LAKE_BENCH")
        command = ([named] if named else cargo) + ["--asked", "--dir", base]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe, text=True)

    def ask(self, kind, name):
        self.process.stdin.write(f"{kind} {name}\n")
        self.process.stdin.flush()
        took, processor, rows = self.process.stdout.readline().split()
        return float(took), float(processor), int(rows)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def measured(run):
    begun, processor = time.perf_counter(), time.process_time()
    rows = run()
    return (time.perf_counter() - begun) * 1000, (time.process_time() - processor) * 1000, rows


def stand(base, kind):
    """How to ask DuckDB and PyPI's DataFusion of these files."""
    lake = os.path.join(base, kind)
    # The files of the snapshot alone, without those that a merge replaced.
    clean = os.path.join(base, "snapshot", kind)
    shutil.rmtree(clean, ignore_errors=True)
    files = DeltaTable(os.path.join(lake, "events")).file_uris()
    for file in files:
        file = file.removeprefix("file://")
        to = os.path.join(clean, os.path.relpath(file, os.path.join(lake, "events")))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        os.link(file, to)
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET threads = 2")
    con.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet({files!r}, hive_partitioning = true)")
    config = datafusion.SessionConfig().with_target_partitions(2)
    partitions = [("event_date", pa.date32()), ("vehicle_bucket", pa.int32())]
    plain, late = (datafusion.SessionContext(config) for _ in range(2))
    late.sql("SET datafusion.execution.parquet.pushdown_filters = true").collect()
    for context in (plain, late):
        context.register_parquet("events", clean, table_partition_cols=partitions)

    def by_datafusion(name):
        context = late if name.startswith("q3") else plain
        return sum(batch.num_rows for batch in context.sql(PEERS[name].replace("time_bucket", "date_bin")).collect())

    return lambda name: con.sql(PEERS[name]).to_arrow_table().num_rows, by_datafusion


def peers(root, base, times):
    """Medians of wall and processor time of questions asked in turn, since the machine is not ours alone."""
    base = os.path.abspath(base)
    ours = Ours(root, base)
    print(f"{'':12} {'ours: wall, cpu ms':>20} {'duckdb: wall, cpu ms':>22} {'datafusion':>20}   ours/duckdb wall, cpu")
    for kind in ("arrival", "merged"):
        by_duckdb_here, by_datafusion = stand(base, kind)
        for name in PEERS:
            asks = (lambda: ours.ask(kind, name), lambda: measured(lambda: by_duckdb_here(name)), lambda: measured(lambda: by_datafusion(name)))
            rounds = [[ask() for ask in asks] for _ in range(times + 1)][1:]
            assert len({rows for _, _, rows in rounds[0]}) == 1, (name, rounds[0])
            pairs = [tuple(statistics.median(r[engine][what] for r in rounds) for what in (0, 1)) for engine in range(3)]
            (wall, cpu), (duck_wall, duck_cpu), (fusion_wall, fusion_cpu) = pairs
            print(f"{kind:8} {name:3} {wall:10.1f} {cpu:9.1f} {duck_wall:12.1f} {duck_cpu:9.1f} {fusion_wall:10.1f} {fusion_cpu:9.1f}   {wall / duck_wall:11.2f} {cpu / duck_cpu:6.2f}", flush=True)
    ours.end()


if __name__ == "__main__":
    root, base, *rest = sys.argv[1:]
    peers(root, base, int(rest[0]) if rest else 7)
