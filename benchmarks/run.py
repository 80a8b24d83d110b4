"""Measure Strongroom against restic: `python -m benchmarks.run [--rounds 5] [--sets reports,big]`.

The data sets are built if they are missing and restic is fetched if it is missing. The server is the
one `BENCH_ENDPOINT` names, else MiniStack; `BENCH_NULLS3` (a program) adds the test with latency.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks import datasets, gates, latency, manifest, peer, report
from benchmarks.ours import compile_packages
from benchmarks.server import open_server
from benchmarks.steps import OURS, THEIRS, Bench, run_round

LATENCY_ROUNDS = 3


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sets", default="reports,big")
    parser.add_argument("--tools", default=f"{OURS},{THEIRS}")
    parser.add_argument("--skip", default="", help="any of limit,latency")
    parser.add_argument("--data", type=Path, default=datasets.DEFAULT_ROOT)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/RESULTS.md"))
    parser.add_argument("--records", type=Path, default=Path("build/bench-records.json"))
    return parser.parse_args(arguments)


def all_gates(options: argparse.Namespace, bench: Bench) -> list[gates.Gate]:
    """Return the gates of all sets, the limit and the latency test."""
    found: list[gates.Gate] = []
    for name in options.sets.split(","):
        entries = manifest.read(datasets.manifest_path(options.data, f"day1/{name}"))
        users = len({entry.path.partition("/")[0] for entry in entries})
        found += gates.set_gates(bench.records, name, users)
        total = manifest.summarise(entries).total
        share = gates.limit_gate(bench.records, name, total, bench.limits.get(name, []))
        found += [share] if share else []
    binary = latency.program()
    if binary and OURS in bench.tools and "latency" not in options.skip.split(","):
        speed, _ = latency.measure(binary, options.data, LATENCY_ROUNDS)
        name = f"reports: first backup on one core at {latency.LATENCY} a request, objects/s"
        found.append(gates.at_least(name, speed, gates.SLOW_OBJECTS_PER_S))
    return found


def shown_command(options: argparse.Namespace, server_name: str) -> str:
    """Return the command as somebody else would type it."""
    shown = [f"--rounds {options.rounds}", f"--sets {options.sets}", f"--tools {options.tools}"]
    if options.skip:
        shown.append(f"--skip {options.skip}")
    given = "BENCH_ENDPOINT=... " if os.environ.get("BENCH_ENDPOINT") else ""
    program = "BENCH_NULLS3=... " if latency.program() else ""
    note = f" # {server_name}" if given else ""
    return " ".join([f"{given}{program}python -m benchmarks.run", *shown]) + note


def save(bench: Bench, target: Path) -> None:
    """Write the raw figures; done after every round, so that a failure loses little."""
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = {"records": [asdict(record) for record in bench.records], "limits": bench.limits}
    target.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run everything, print and write the results; 1 if a promise is broken."""
    options = parse(arguments)
    options.data = options.data.resolve()
    datasets.build(options.data)
    binary = peer.fetch_restic()
    compile_packages()
    sets = options.sets.split(",")
    with open_server() as server:
        tools = tuple(options.tools.split(","))
        bench = Bench(server, binary, options.data, tools, "limit" not in options.skip.split(","))
        for number in range(1, options.rounds + 1):
            for name in sets:
                run_round(bench, name, number)
                save(bench, options.records)
        server_name = server.name
    found = all_gates(options, bench)
    command = shown_command(options, server_name)
    lines = report.environment_lines(server_name, peer.version(binary), command, options.rounds)
    text = report.document(lines, datasets.table(options.data), bench.records, sets, found)
    options.out.write_text(text, encoding="utf-8")
    print(text)
    return 0 if all(gate.passed is not False for gate in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
