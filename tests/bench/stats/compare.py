#!/usr/bin/env python3
"""`panic-agent stats` beside DuckDB's JSON reader, and a filtered `panic-agent view` beside `fblog` and `jq`.

    pip install duckdb
    cargo install fblog
    apt-get install jq
    cargo build --release -p panic-agent-cli
    python3 tests/bench/stats/compare.py target/release/panic-agent [--short MB] [--whole MB] [--rounds N] [--in DIR]

Lines are those of real panics and their verdicts (cli/tests/lines), with other ids, times, fingerprints and hosts, in two
files: without frames (600 MB), and whole (3 GB). One panic in ten is silent. Each round runs all programs of a row one
after the other, on a warm cache and with as many threads as they take by themselves; a ratio is that of two runs of one
round, and the table has the median of the rounds with the lowest and the highest.

`stats` and DuckDB group by fingerprint, and count panics, hosts, first and last time; DuckDB is told the columns. `view
--silent --oneline`, `fblog -f 'silent == true'` and `jq 'select(.silent == true)'` write what they find into a file. What they
find is compared: as many groups, as many panics. At the end the peak memory of the tool on both files, and on a tenth.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
COLUMNS = {
    "kind": "VARCHAR", "id": "VARCHAR", "ts_ms": "BIGINT", "host": "VARCHAR",
    "fingerprint": "VARCHAR", "silent": "BOOLEAN",
}
# Runs as a process of its own, as the tool does; it reports the time of the query alone.
DUCKDB = """
import duckdb, sys, time
connection = duckdb.connect()
begin = time.perf_counter()
rows = connection.execute(sys.argv[1]).fetchall()
print(time.perf_counter() - begin, len(rows))
"""
# Prints the peak memory of a command: a process that is small, since the peak of a child is never less than its parent's.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def templates(scenario, message, frames):
    """The lines of a panic, with marks for what differs from one to the next."""
    texts = []
    for line in (ROOT / f"cli/tests/lines/{scenario}.jsonl").read_text().splitlines():
        line = json.loads(line)
        if line.get("message") != message:
            continue
        if not frames and line["kind"] == "panic":
            line["frames"], line["images"] = [], []
        line["id"], line["incident"], line["fingerprint"], line["host"] = "@ID@", "@ID@", "@FP@", "@HOST@"
        line["ts_ms"] = "@TS@"
        text = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
        texts.append(text.replace('"@TS@"', "@TS@") + "\n")
    assert texts, f"{scenario} has no lines of {message!r}"
    return texts


def generate(path, wanted, frames):
    """At least that many bytes; the numbers of lines and of silent panics."""
    silent = templates("thread-handle-dropped", "nobody is told", frames)
    seen = templates("thread-join-unwrapped", "the real cause", frames)
    lines = bytes_written = number = quiet = 0
    with open(path, "w") as out:
        while bytes_written < wanted:
            quiet += number % 10 == 0
            for text in silent if number % 10 == 0 else seen:
                text = (
                    text.replace("@ID@", f"00000000000000aa-{number + 1}")
                    .replace("@FP@", f"{number * 7919 % 997:016x}")
                    .replace("@HOST@", f"host-{number % 5}")
                    .replace("@TS@", str(1795897616633 + number * 37))
                )
                bytes_written += out.write(text)
                lines += 1
            number += 1
    return lines, quiet


def timed(command, output):
    with open(output, "w") as out:
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=out, stderr=subprocess.DEVNULL)
        return time.perf_counter() - begin


def peak(command):
    ran = subprocess.run([sys.executable, "-c", PEAK, *command], check=True, capture_output=True, text=True)
    return int(ran.stdout) / 1024


def row(what, ours, others):
    """A line of the table per other program; all lists are of seconds, one per round."""
    for name, times in others.items():
        ratios = sorted(other / own for own, other in zip(ours, times))
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        middle = statistics.median(ratios)
        print(
            f"| {what} | {statistics.median(ours):.2f} s | {name} | {statistics.median(times):.2f} s "
            f"| **{middle:.2f}** ({spread}) |",
            flush=True,
        )


def stats(tool, path, rounds, what, scratch):
    query = (
        "select fingerprint, count(*), count(distinct host), min(ts_ms), max(ts_ms) from "
        f"read_json('{path}', format='newline_delimited', columns={COLUMNS}) where kind = 'panic' group by 1"
    )
    ours, duckdb = [], []
    out = os.path.join(scratch, "stats.json")
    for _ in range(rounds):
        ours.append(timed([tool, "stats", "--json", path], out))
        ran = subprocess.run([sys.executable, "-c", DUCKDB, query], check=True, capture_output=True, text=True)
        seconds, groups = ran.stdout.split()
        duckdb.append(float(seconds))
        assert len(json.load(open(out))["groups"]) == int(groups), "both count the same groups"
    row(f"`stats`, {what}", ours, {"DuckDB": duckdb})


def for_fblog(path, scratch):
    """The same lines; fields named like words of Lua, in which fblog fails, have other names of the same length."""
    renamed = os.path.join(scratch, "fblog.jsonl")
    with open(path) as lines, open(renamed, "w") as out:
        for line in lines:
            out.write(line.replace('"function":', '"functiom":').replace('"end":', '"enf":'))
    return renamed


def view(tool, path, rounds, what, scratch, quiet):
    commands = {
        "fblog": ["fblog", "-f", "silent == true", for_fblog(path, scratch)],
        "jq": ["jq", "-c", "select(.silent == true)", path],
    }
    commands = {name: command for name, command in commands.items() if shutil.which(command[0])}
    for missing in {"fblog", "jq"} - commands.keys():
        print(f"{missing} is not installed: left out", file=sys.stderr)
    ours, others = [], {name: [] for name in commands}
    out = os.path.join(scratch, "found")
    found = lambda: sum("nobody is told" in line for line in open(out))
    for _ in range(rounds):
        ours.append(timed([tool, "view", "--silent", "--oneline", path], out))
        assert found() == quiet, f"view finds {found()} of {quiet}"
        for name, command in commands.items():
            others[name].append(timed(command, out))
            assert found() == quiet, f"{name} finds {found()} of {quiet}"
    row(f"`view --silent --oneline`, {what}", ours, others)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", type=os.path.abspath)
    parser.add_argument("--short", type=float, default=600, help="MB without frames")
    parser.add_argument("--whole", type=float, default=3000, help="MB with frames")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--in", dest="directory", help="where the files are made, and removed")
    args = parser.parse_args()
    memory = []
    print("| what | panic-agent | other | its time | times as long (lowest to highest) |\n|---|---|---|---|---|", flush=True)
    for name, megabytes, frames in (("short", args.short, False), ("whole", args.whole, True)):
        with tempfile.TemporaryDirectory(dir=args.directory) as scratch:
            path = os.path.join(scratch, f"{name}.jsonl")
            lines, quiet = generate(path, megabytes * 1e6, frames)
            tenth = os.path.join(scratch, "tenth.jsonl")
            generate(tenth, megabytes * 1e5, frames)
            what = f"{name}: {lines} lines, {os.path.getsize(path) / 1e6:.0f} MB"
            stats(args.tool, path, args.rounds, what, scratch)
            view(args.tool, path, args.rounds, what, scratch, quiet)
            for command in (["stats", "--json"], ["view", "--silent", "--oneline"]):
                sizes = [peak([args.tool, *command, file]) for file in (tenth, path)]
                memory.append(f"`{' '.join(command)}`, {name}: {sizes[0]:.0f} MiB for a tenth, {sizes[1]:.0f} MiB")
    print("\nPeak memory of the tool:")
    print("\n".join(f"* {line}" for line in memory))


if __name__ == "__main__":
    main()
