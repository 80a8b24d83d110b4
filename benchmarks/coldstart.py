"""CPU of a cold start: import, wiring and clients of every handler in a fresh process, from what is shipped.

`python -m benchmarks.coldstart` prints a table and writes COLDSTART.md. `--python PATH` measures another interpreter,
for which the layer is built too: Lambda's is 3.13.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from benchmarks.measure import CommandFailedError, markdown_table, median, run, spread
from benchmarks.report import commit, processor
from bundle.archive import Archive
from bundle.code import functions_archive
from bundle.layer import layer_archive
from bundle.paths import BUILD, LOCK, ROOT
from bundle.target import this_machine
from functions.contract.environment import ENVIRONMENTS, SourceSetting
from functions.contract.rights import RIGHTS
from sandbox.lambdas.environments import environment_of, variables_of
from sandbox.lambdas.names import REGION, Names

ROUNDS = 7
LIMIT_S = 1.0
LIMITED = "worker"
REPORT = Path(__file__).with_name("COLDSTART.md")
SHOWN = 8

# Clients are made when first needed, which the first message does: a cold start has them all.
_START = """
import sys
sys.path[:0] = sys.argv[1:3]
import functions.handlers.{name} as handler
handler.service()
from functions.runtime.cloud import Cloud
cloud = Cloud("{region}", "http://127.0.0.1:9")
for make in ({clients}):
    make()
"""
_CLIENTS = {"dynamodb": "dynamodb", "lambda": "lambda_", "sns": "sns", "sqs": "sqs"}
_NOTHING = "pass"
# No site-packages, no PYTHONPATH, no current folder, and no .pyc written: on Lambda, the folders are read-only.
_CLEAN = ("-I", "-S", "-B")
_ENVIRONMENT = {
    "PATH": os.defpath,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class Package:
    """The archives, unpacked as Lambda unpacks them, and the interpreter that loads them."""

    python: str
    code: Path
    layer: Path

    def command(self, script: str, *options: str) -> list[str]:
        """Give the command that runs `script` with these two folders and nothing else."""
        return [self.python, *_CLEAN, *options, "-c", script, str(self.code), str(self.layer / "python")]


@dataclass(frozen=True)
class ColdStart:
    """What a handler's cold start costs, in seconds of CPU, and each package's import, in microseconds."""

    name: str
    cpu_s: Sequence[float]
    imports_us: Mapping[str, float]


def unpack(archive: Archive, folder: Path) -> Path:
    """Unpack an archive."""
    with ZipFile(archive.path) as opened:
        opened.extractall(folder)
    return folder


def handlers() -> list[str]:
    """Name the functions that have a handler."""
    return [name for name in ENVIRONMENTS if (ROOT / "functions" / "handlers" / f"{name}.py").exists()]


def measure(package: Package, name: str) -> ColdStart:
    """Measure one handler."""
    names = Names("coldstart")
    sources = (SourceSetting("reports", names.of("source")),)
    variables = variables_of(environment_of(names, name, "http://127.0.0.1:9", sources, {}))
    environment = {**_ENVIRONMENT, "AWS_LAMBDA_FUNCTION_NAME": names.of(name), **variables}
    services = {action.partition(":")[0] for right in RIGHTS[name] for action in right.actions}
    clients = "".join(f"cloud.{method}, " for service, method in _CLIENTS.items() if service in services)
    script = _START.format(name=name, region=REGION, clients=clients)
    costs = [run(package.command(script), environment=environment, folder=package.code) for _ in range(ROUNDS)]
    command = package.command(script, "-X", "importtime")
    traced = min(
        (run(command, environment=environment, folder=package.code) for _ in range(ROUNDS)),
        key=lambda cost: cost.wall_s,
    )
    # The trace has wall time, of which others on this machine take their share: what counts is each one's part of it.
    cpu_s = [cost.cpu_s for cost in costs]
    scale = median(cpu_s) / traced.wall_s
    return ColdStart(name, cpu_s, {name: micros * scale for name, micros in import_times(traced.output).items()})


def import_times(trace: str) -> Counter[str]:
    """Sum what `-X importtime` says of each module, in microseconds, by the package that it belongs to."""
    times: Counter[str] = Counter()
    for micros, module in _imports(trace):
        root, _, rest = module.partition(".")
        known = "standard library" if root in sys.stdlib_module_names else root
        times[f"{root}.{rest.partition('.')[0]}" if root == "functions" else known] += micros
    return times


def _imports(trace: str) -> Iterator[tuple[int, str]]:
    for line in trace.splitlines():
        label, _, figures = line.partition("import time:")
        parts = figures.split("|")
        if not label and len(parts) == 3 and parts[0].strip().isdigit():  # noqa: PLR2004 -- self, cumulative, module
            yield int(parts[0]), parts[2].strip()


def table(starts: Sequence[ColdStart], bare_s: float) -> str:
    """Give all handlers, with the packages that take longest."""
    largest = max(starts, key=lambda start: sum(start.imports_us.values())).imports_us
    packages = sorted(largest, key=lambda name: largest[name], reverse=True)[:SHOWN]
    rows = []
    for start in starts:
        shown = [start.imports_us.get(name, 0) for name in packages]
        imports = sum(start.imports_us.values())
        wiring = (median(start.cpu_s) - bare_s) * 1e6 - imports
        figures = [*shown, imports - sum(shown), wiring]
        rows.append([start.name, spread(start.cpu_s), *(f"{figure / 1e3:.0f}" for figure in figures)])
    return markdown_table(["function", "CPU s (min-max)", *packages, "other imports", "wiring"], rows)


def report(starts: Sequence[ColdStart], bare_s: float, version: str, archives: Sequence[Archive]) -> str:
    """Write the whole page."""
    code, layer = archives
    worker = next(start for start in starts if start.name == LIMITED)
    verdict = "met" if median(worker.cpu_s) < LIMIT_S else "MISSED"
    lines = [
        "# Cold start",
        "",
        "Import and wiring of each handler in a fresh process, from the two archives alone.",
        "`python -m benchmarks.coldstart` repeats it.",
        "",
        f"- {version} on {processor()}, commit {commit()}; medians of {ROUNDS}",
        f"- no `.pyc` files, as on Lambda; an empty interpreter takes {bare_s:.3f} s, which is in the figures",
        f"- shipped: functions {_size(code)}, layer {_size(layer)}",
        f"- limit: `{LIMITED}` below {LIMIT_S:.1f} s of CPU: {median(worker.cpu_s):.2f} s, {verdict}",
        "",
        "Columns after the first two are ms of that CPU: the modules of each package by their part of a run with",
        "`-X importtime`, and what is left for the wiring: settings, transport, and the clients of every service that",
        "the function has rights to, though they are made only when first needed.",
        "",
        table(starts, bare_s),
        "",
    ]
    return "\n".join(lines)


def _size(archive: Archive) -> str:
    return f"{archive.path.stat().st_size / 1e6:.1f} MB, unpacked {archive.unpacked_bytes / 1e6:.1f} MB"


def main() -> int:
    """Measure and report. Exit status 1 when the worker misses its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the interpreter to measure; this one")
    python = parser.parse_args().python
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        target = this_machine(python)
        archives = [functions_archive(ROOT, place), layer_archive(LOCK, target, BUILD, python=python)]
        package = Package(python, unpack(archives[0], place / "code"), unpack(archives[1], place / "layer"))
        bare = run(package.command(_NOTHING), environment=_ENVIRONMENT, folder=place)
        starts = [measure(package, name) for name in handlers()]
        version = run([python, "--version"], environment=_ENVIRONMENT, folder=place).output.strip()
        page = report(starts, bare.cpu_s, version, archives)
    print(page)
    if python == sys.executable:
        REPORT.write_text(page, encoding="utf-8")
    worker = next(start for start in starts if start.name == LIMITED)
    return 0 if median(worker.cpu_s) < LIMIT_S else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CommandFailedError as error:
        sys.exit(f"a handler does not start: {error}")
