"""Rates of python-can, cantools, tshark and Yagura's reader on the same capture in the same run. See README.md."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV = HERE / ".venv"
SECONDS_MIN = 2.0


def in_venv():
    """Runs this script again within its own virtual environment."""
    python = VENV / "bin" / "python"
    if Path(sys.prefix) == VENV:
        return
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "python-can", "cantools"], check=True)
    os.execv(python, [str(python), *sys.argv])


def cpu_seconds():
    """CPU time of this process and of those it waited for: other work on the machine does not count against a tool."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def rate(once):
    """Frames a CPU second of `once`, which returns how many it did; at least SECONDS_MIN."""
    frames, start = 0, cpu_seconds()
    while cpu_seconds() - start < SECONDS_MIN:
        frames += once()
    return frames / (cpu_seconds() - start)


def python_can(capture):
    import can

    return rate(lambda: sum(1 for _ in can.CanutilsLogReader(capture)))


def cantools_decode(capture, dbc):
    import can
    import cantools

    database = cantools.database.load_file(dbc, strict=False)
    known = {message.frame_id: message for message in database.messages}
    frames = [m for m in can.CanutilsLogReader(capture) if m.arbitration_id in known]
    frames = [m for m in frames if len(m.data) >= known[m.arbitration_id].length]

    def once():
        for frame in frames:
            known[frame.arbitration_id].decode(frame.data, decode_choices=False)
        return len(frames)

    return rate(once) if frames else None


def example(name, *arguments, **options):
    command = ["cargo", "run", "--release", "--quiet", "-p", "yagura-capture", "--example", name, "--", *arguments]
    return subprocess.run(command, check=True, cwd=ROOT, **options)


def tshark(capture):
    with tempfile.NamedTemporaryFile(suffix=".pcapng") as converted:
        with open(capture, "rb") as source:
            example("convert", "pcapng", stdin=source, stdout=converted, stderr=subprocess.DEVNULL)

        def once():
            command = ["tshark", "-r", converted.name, "-T", "fields", "-e", "can.id"]
            return len(subprocess.run(command, check=True, capture_output=True).stdout.splitlines())

        return rate(once)


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: measure.py CAPTURE [DBC]")
    in_venv()
    capture = str(Path(sys.argv[1]).resolve())
    ours = json.loads(example("rate", capture, capture_output=True, text=True).stdout)["frames_per_second"]
    rates = {"yagura parse": ours, "python-can parse": python_can(capture)}
    if len(sys.argv) > 2:
        rates["cantools decode"] = cantools_decode(capture, sys.argv[2])
    rates["tshark dissect"] = tshark(capture) if shutil.which("tshark") else None
    for tool, value in rates.items():
        if value is None:
            print(json.dumps({"tool": tool, "skipped": "not installed, or no frame of the DBC in the capture"}))
        else:
            print(json.dumps({"tool": tool, "frames_per_second": round(value), "yagura_is_faster_by": round(ours / value, 1)}))


if __name__ == "__main__":
    main()
