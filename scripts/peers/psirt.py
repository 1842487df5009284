#!/usr/bin/env python3
"""Yagura, Grype and OSV-Scanner over the same advisories (OSV records of Go) and the same SBOM (docs/performance.md).

Usage: scripts/peers/psirt.py YAGURA RECORDS.jsonl[.zst] [--components 4000] [--runs 5]

Builds the two others from the Go module proxy if they are not there (some minutes), makes each one's database of the records, makes an SBOM
of packages and versions that the records name, runs each over it in turn, and prints one JSON line for each and one for how their findings
differ. Needs the package `time`. `cold` is the first run after the page cache was dropped (needs root, else it is left out), `warm` the median of the others.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "yagura" / "peers"
GRYPE = "github.com/anchore/grype"
GRYPE_VERSION = "v0.121.2"
OSV_SCANNER = "github.com/google/osv-scanner/cmd/osv-scanner"
OSV_SCANNER_VERSION = "v1.9.2"
# Versions that the proxy has, in the place of those that Grype names and the proxy does not.
REPLACED = [
    "github.com/github/go-spdx/v2=github.com/github/go-spdx/v2@v2.7.0",
    "github.com/docker/cli=github.com/docker/cli@v29.9.3+incompatible",
]


def go(folder, *words):
    subprocess.run(["go", *words], cwd=folder, check=True)


def module(name, replaced=()):
    folder = CACHE / f"{name}.module"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    go(folder, "mod", "init", f"peers/{name}")
    for one in replaced:
        go(folder, "mod", "edit", f"-replace={one}")
    return folder


def build_peers():
    if not (CACHE / "osv-scanner").exists():
        folder = module("osv-scanner")
        go(folder, "get", "-tool", f"{OSV_SCANNER}@{OSV_SCANNER_VERSION}")
        go(folder, "build", "-o", CACHE / "osv-scanner", OSV_SCANNER)
    if not (CACHE / "grype").exists() or not (CACHE / "grype-db").exists():
        folder = module("grype", REPLACED)
        shutil.copy(HERE / "peers" / "grype-db" / "main.go", folder)
        go(folder, "get", "-tool", f"{GRYPE}/cmd/grype@{GRYPE_VERSION}")
        go(folder, "get", f"{GRYPE}/grype/db/v6/build@{GRYPE_VERSION}")
        go(folder, "build", "-o", CACHE / "grype", f"{GRYPE}/cmd/grype")
        go(folder, "build", "-o", CACHE / "grype-db", ".")


def read_lines(path):
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout.decode().splitlines()
    return path.read_text().splitlines()


def packages(records):
    """Module → versions at which one of its ranges begins or ends."""
    found = {}
    for record in records:
        for affected in record.get("affected", []):
            package = affected.get("package", {})
            if package.get("ecosystem") != "Go" or package["name"] in ("stdlib", "toolchain"):
                continue
            events = [event for one in affected.get("ranges", []) for event in one.get("events", [])]
            versions = {version for event in events for version in event.values() if version != "0"}
            found.setdefault(package["name"], set()).update(versions or {"1.0.0"})
    return found


def write_sbom(path, records, count):
    known = sorted((name, version) for name, versions in packages(records).items() for version in versions)
    chosen = random.Random(count)
    components = []
    for number in range(count):
        name, version = chosen.choice(known)
        purl = f"pkg:golang/{name}@v{version}"
        components.append({"type": "library", "bom-ref": f"c{number}", "name": name, "version": f"v{version}", "purl": purl})
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}
    path.write_text(json.dumps(bom))


def drop_page_cache():
    try:
        subprocess.run(["sync"], check=True)
        Path("/proc/sys/vm/drop_caches").write_text("3")
        return True
    except OSError:
        return False


def run(command, env, accepted):
    """Seconds by the clock, peak memory in MB (by `time`, for a child of this process would be counted with its memory), output."""
    with tempfile.TemporaryFile() as out, tempfile.NamedTemporaryFile() as said:
        measured = ["/usr/bin/time", "-q", "-o", said.name, "-f", "%M", *command]
        began = time.perf_counter()
        code = subprocess.run(measured, env={**os.environ, **env}, stdout=out, stderr=subprocess.DEVNULL).returncode
        took = time.perf_counter() - began
        megabytes = int(said.read()) / 1000
        out.seek(0)
        text = out.read()
    if code not in accepted:
        sys.exit(f"{command[0]} ended with {code}: {text[-2000:].decode(errors='replace')}")
    return took, megabytes, json.loads(text)


def of_yagura(report):
    return {(one["component"]["purl"], one["advisory"]) for one in report["findings"]}


def of_grype(report):
    return {(one["artifact"]["purl"], one["vulnerability"]["id"]) for one in report["matches"]}


def of_osv_scanner(report):
    found = set()
    for result in report["results"]:
        for one in result["packages"]:
            package = one["package"]
            purl = f"pkg:golang/{package['name']}@v{package['version'].removeprefix('v')}"
            found.update((purl, vulnerability["id"]) for vulnerability in one["vulnerabilities"])
    return found


def timed(command):
    began = time.perf_counter()
    subprocess.run(command[0], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **command[1])
    return round(time.perf_counter() - began, 3)


def prepare(folder, yagura, lines):
    """Each one's database of the records; seconds that it took."""
    records = folder / "records.jsonl"
    records.write_text("\n".join(lines) + "\n")
    took = {"yagura": timed(([yagura, "feed", "import", "--db", folder / "yagura", records], {}))}
    grype = folder / "grype" / "6"
    grype.mkdir(parents=True)
    with records.open() as stream:
        took["grype"] = timed(([CACHE / "grype-db", grype], {"stdin": stream}))
    place = folder / "osv" / "osv-scanner" / "Go"
    place.mkdir(parents=True)
    began = time.perf_counter()
    with zipfile.ZipFile(place / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for line in lines:
            archive.writestr(json.loads(line)["id"] + ".json", line)
    took["osv-scanner"] = round(time.perf_counter() - began, 3)
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("yagura", type=Path)
    parser.add_argument("records", type=Path)
    parser.add_argument("--components", type=int, default=4000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    build_peers()
    lines = read_lines(options.records)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        took = prepare(folder, options.yagura, lines)
        sbom = folder / "bom.cdx.json"
        write_sbom(sbom, [json.loads(line) for line in lines], options.components)
        tools = {
            "yagura": ([options.yagura, "scan", "--db", folder / "yagura", "--json", sbom], {}, of_yagura),
            "grype": (
                [CACHE / "grype", f"sbom:{sbom}", "-o", "json", "-q"],
                {
                    "GRYPE_DB_CACHE_DIR": str(folder / "grype"),
                    "GRYPE_DB_AUTO_UPDATE": "false",
                    "GRYPE_DB_VALIDATE_AGE": "false",
                    "GRYPE_DB_VALIDATE_BY_HASH_ON_START": "false",
                    "GRYPE_CHECK_FOR_APP_UPDATE": "false",
                },
                of_grype,
            ),
            "osv-scanner": (
                [CACHE / "osv-scanner", "--experimental-offline", "--experimental-local-db-path", folder / "osv", "--format", "json", "-S", sbom],
                {},
                of_osv_scanner,
            ),
        }
        measure(tools, took, options)


def measure(tools, imported, options):
    colds, warms, memory, found = {}, {name: [] for name in tools}, {}, {}
    for name, (command, env, read) in tools.items():
        if drop_page_cache():
            colds[name] = run(command, env, (0, 1))[0]
    for _ in range(options.runs):
        for name, (command, env, read) in tools.items():
            seconds, megabytes, report = run(command, env, (0, 1))
            warms[name].append(seconds)
            memory[name] = max(megabytes, memory.get(name, 0))
            found[name] = read(report)
    ours = statistics.median(warms["yagura"])
    for name in tools:
        warm = statistics.median(warms[name])
        line = {
            "tool": name,
            "components": options.components,
            "import_s": imported[name],
            "cold_ms": round(colds[name] * 1000, 1) if name in colds else None,
            "warm_ms": round(warm * 1000, 1),
            "warm_times_ours": round(warm / ours, 1),
            "cold_times_ours": round(colds[name] / colds["yagura"], 1) if name in colds else None,
            "peak_mb": round(memory[name]),
            "findings": len(found[name]),
        }
        print(json.dumps(line), flush=True)
    for name in tools:
        if name != "yagura":
            more, less = sorted(found[name] - found["yagura"]), sorted(found["yagura"] - found[name])
            line = {"against": name, "only_there": len(more), "only_ours": len(less), "some_there": more[:5], "some_ours": less[:5]}
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
