"""The demo's steps through the engine, wired as the operator's tool is, and the table of what they took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.progress import Counter, Goal, shown
from cli.render import rate, ratio, show_table, size
from functions.engine.backup import Ports
from functions.engine.conflict import Conflict
from functions.engine.errors import StrongroomError
from functions.engine.ports import Destination
from functions.engine.repository import Repository
from functions.engine.restore import Restorer
from functions.engine.verify import Verifier
from functions.engine.verify_report import Depth
from functions.runtime.local_run import RunRequest, back_up, choose_backups, records_of
from functions.runtime.toolbox import RestoreNames, Toolbox, cores, now, random_hex
from sandbox.demo_cloud import REPOSITORY, RESTORED, SOURCE, TABLE

_MEASURES = ("files", "bytes read", "new", "stored", "dedup", "compression", "S3 requests", "seconds", "MB/s")
_AS_IT_WAS = RestoreNames("", "", "restored")


class StepError(StrongroomError):
    """A step of the demo did not do all that it should have done."""

    code = "DEMO_FAILED"


@dataclass(frozen=True, slots=True)
class Row:
    """What a step took: a column of the table. `new` and `stored` only for backups."""

    name: str
    files: int
    read: int
    requests: int
    seconds: float
    new: int | None = None
    stored: int | None = None

    def cells(self) -> tuple[str, ...]:
        """Give the column of the table, in the order of the measures."""
        backup = self.new is not None and self.stored is not None
        new, stored = self.new or 0, self.stored or 0
        return (
            f"{self.files:,}",
            size(self.read),
            size(new) if backup else "",
            size(stored) if backup else "",
            ratio(self.read, new) if backup else "",
            ratio(new, stored) if backup else "",
            f"{self.requests:,}",
            f"{self.seconds:.2f}",
            rate(self.read, self.seconds).removesuffix(" MB/s"),
        )


class Steps:
    """Runs the steps one after the other and remembers their rows."""

    def __init__(self, tools: Toolbox) -> None:
        """Use the operator's wiring."""
        self._tools = tools
        self._store = tools.store(REPOSITORY)
        self._rows: list[Row] = []
        self._held = 0
        self._requests = 0
        self._seconds = 0.0

    def back_up(self, name: str, files: int) -> None:
        """Back up all users of the source, who own `files`; insist that nothing was left out."""
        with self._timed(name, Goal(files=files)) as progress:
            source, index = self._tools.source(SOURCE), self._tools.index(self._store, TABLE)
            ports = Ports(source, self._store, index, now, random_hex, progress)
            report = back_up(ports, RunRequest(SOURCE), workers=cores())
        for outcome in report.outcomes:
            if outcome.error is not None:
                raise outcome.error
        totals = report.totals
        if totals.files != files:
            raise StepError(f"{name}: the source has {files} files, the backups have {totals.files}")
        self._held += totals.source
        self._note(name, totals.files, totals.read, new=totals.new, stored=totals.stored)

    def verify(self, name: str) -> None:
        """Read every pack and prove every chunk of all backups."""
        goal = Goal(bytes=sum(row.stored or 0 for row in self._rows))
        with self._timed(name, goal) as progress, Verifier(self._store, workers=cores(), progress=progress) as verifier:
            report = verifier.verify(list(Repository(self._store).backups(SOURCE)), Depth.FULL)
        if report.damages:
            raise StepError(f"{name}: {report.damages[0].name}: {report.damages[0].detail}")
        self._note(name, report.files, report.bytes_read)

    def restore_to_bucket(self, name: str) -> None:
        """Restore everybody's newest backup into the empty bucket."""
        self._restore(name, self._tools.to_bucket(RESTORED, _AS_IT_WAS, Conflict.SKIP))

    def restore_to_directory(self, name: str, folder: Path) -> None:
        """Restore everybody's newest backup into the empty folder."""
        self._restore(name, self._tools.to_directory(folder, _AS_IT_WAS, Conflict.SKIP))

    def show(self) -> None:
        """Print the table and what the repository takes."""
        columns = [row.cells() for row in self._rows]
        rows = zip(_MEASURES, *columns, strict=True)
        show_table("", ("", *(row.name.replace(" ", "\n", 1) for row in self._rows)), rows)
        stored = sum(row.stored or 0 for row in self._rows)
        points = sum(row.stored is not None for row in self._rows)
        say(
            f"The repository holds every user at {points} points in time, {size(self._held)} in all; "
            f"its packs take {size(stored)}, {self._held / max(stored, 1):.1f} times less."
        )

    def _restore(self, name: str, destination: Destination) -> None:
        repository = Repository(self._store)
        with self._timed(name, Goal(files=self._rows[1].files)) as progress:
            backups = choose_backups(repository, SOURCE, ())
            with Restorer(self._store, destination, workers=cores(), progress=progress) as restorer:
                report = restorer.restore(records_of(repository, backups))
        if report.failed or report.skipped:
            raise StepError(f"{name}: {report.failed} files failed and {report.skipped} were skipped")
        self._note(name, report.restored, report.bytes)

    @contextmanager
    def _timed(self, name: str, goal: Goal) -> Iterator[Counter]:
        before = sum(self._tools.requests.values())
        started = time.monotonic()
        with announced(name, goal) as progress:
            yield progress
        self._seconds = time.monotonic() - started
        self._requests = sum(self._tools.requests.values()) - before

    def _note(self, name: str, files: int, read: int, *, new: int | None = None, stored: int | None = None) -> None:
        self._rows.append(Row(name, files, read, self._requests, self._seconds, new, stored))


@contextmanager
def announced(name: str, goal: Goal) -> Iterator[Counter]:
    """Show a bar that stays on a terminal; elsewhere print a line when the block has ended."""
    started = time.monotonic()
    with shown(f"{name:18}", keep=True) as progress:
        progress.goal = goal
        yield progress
    if not sys.stderr.isatty():
        say(f"{name}: {progress.text(time.monotonic() - started)}{progress.added()}")


def say(text: str) -> None:
    """Print a line now."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
