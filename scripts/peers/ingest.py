#!/usr/bin/env python3
"""Rows a second into ClickHouse (chdb, from PyPI), merges included: the peer of `cargo xtask bench pipeline`.

    YAGURA_BENCH_KEEP=/some/dir cargo bench -p yagura-server --bench pipeline
    python3 scripts/peers/ingest.py /some/dir/events

Takes the rows that the bench left in its lake, holds them in memory, inserts them in blocks of a million into a MergeTree table that is sorted
by vehicle and time, and merges all parts once. ClickHouse judges nothing, keeps no evidence and does not sync: it does less.
Prints one JSON line. CPU seconds are those of the process, so other work on the machine counts against nobody.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import venv

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "yagura"
# The one that scripts/readers makes, if it is there.
VENV = CACHE / "readers-python"
BLOCK_ROWS = 1_048_576


def in_venv():
    if pathlib.Path(sys.prefix) == VENV:
        return
    python = VENV / "bin" / "python"
    if not python.exists():
        venv.create(VENV, with_pip=True)
    if subprocess.run([python, "-c", "import chdb"], stderr=subprocess.DEVNULL).returncode != 0:
        subprocess.run([VENV / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "chdb"], check=True)
    os.execv(python, [str(python), __file__, *sys.argv[1:]])


def main():
    in_venv()
    from chdb import session

    files = pathlib.Path(sys.argv[1]) / "**" / "*.parquet"
    with tempfile.TemporaryDirectory(dir=".") as directory:
        db = session.Session(directory)
        ask = lambda sql: str(db.query(sql, "TSV")).strip()
        ask("CREATE DATABASE IF NOT EXISTS bench")
        ask(f"CREATE TABLE bench.source ENGINE = Memory AS SELECT * FROM file('{files}', Parquet)")
        rows = int(ask("SELECT count() FROM bench.source"))
        ask("CREATE TABLE bench.events ENGINE = MergeTree ORDER BY (vehicle, time) SETTINGS allow_nullable_key = 1 AS SELECT * FROM bench.source LIMIT 0")
        ask("SYSTEM STOP MERGES bench.events")
        wall, cpu = time.monotonic(), time.process_time()
        ask(f"INSERT INTO bench.events SELECT * FROM bench.source SETTINGS max_insert_block_size = {BLOCK_ROWS}, min_insert_block_size_rows = {BLOCK_ROWS}")
        inserted, inserted_cpu = time.monotonic() - wall, time.process_time() - cpu
        ask("SYSTEM START MERGES bench.events")
        ask("OPTIMIZE TABLE bench.events FINAL")
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        size = int(ask("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench' AND table = 'events'"))
        print(json.dumps({
            "bench": "clickhouse_insert_merge",
            "version": ask("SELECT version()"),
            "rows": rows,
            "rows_per_second_without_merge": round(rows / inserted),
            "rows_per_core_second_without_merge": round(rows / inserted_cpu),
            "rows_per_second": round(rows / wall),
            "rows_per_core_second": round(rows / cpu),
            "bytes_per_row": round(size / rows, 1),
        }), flush=True)
        db.close()


if __name__ == "__main__":
    main()
