"""The day: what is done one after the other, how long it takes, and what must be true after each step."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from cli.render import size
from functions.contract.states import RunState
from sandbox.gameday import table
from sandbox.gameday.loss import lost
from sandbox.gameday.standby import make_standby
from sandbox.gameday.table import Step
from sandbox.nights.faults import insist, nothing_wrong
from sandbox.nights.figures import operator
from sandbox.nights.files import Upload
from sandbox.nights.people import LIBRARY, change_some, deal, fill
from sandbox.nights.stack import FaultError, Stack
from sandbox.nights.witness import Witness, differences, look, of_user
from sandbox.restores.tables import delete_copies
from sandbox.state import State
from sandbox.telling import Tell, Teller

_SECOND: Final = 1.0
_AGAIN: Final = "again/"
"""Prefix that the last restore puts before its keys."""


class Night(NamedTuple):
    """A run that has ended: what it read, what of that was new, and a moment after it."""

    read: int
    new: int
    moment: datetime


class GameDay:
    """Loses the region of a stack that is up and has nothing in it, and goes on without it."""

    def __init__(self, state: State, folder: Path, teller: Teller, *, tables: bool) -> None:
        """`folder` keeps the saved outputs. Without `tables` the copies of the tables are lost too."""
        self._first, self._folder, self._teller, self._tables = Stack(state), folder, teller, tables
        self._steps: list[Step] = []

    def play(self, data: Path | None, users: int) -> list[Step]:
        """Do all of it; give the steps. FaultError when one thing is not as it must be."""
        first = self._first
        uploads = deal(data or LIBRARY, users, first.source["prefix"])
        with self._teller.step("fill the source") as tell:
            fill(first, uploads, tell)
        with self._step("a night in the first region", table.FIRST_FULL) as (_, tell):
            self._night(first, tell)
        held = look(first.client("s3"), first.source["bucket"], first.source["prefix"])
        second = self._stand_by()
        with lost(first):
            self._teller.say(f"{first.state.region} is lost: nothing in it answers from here on.", "bold")
            changed, night = self._go_on(second, held, uploads)
        self._come_back(second, changed, night, uploads)
        return self._steps

    def _stand_by(self) -> Stack:
        with self._step("make the stack that stands by, before the loss", table.MADE_BEFORE) as (_, tell):
            made: Counter[str] = Counter()
            state = make_standby(
                self._first, lambda item: made.update([item.type.partition(":")[0]]), tables=self._tables
            )
            tell(f"{made['aws']:,} resources of AWS in {state.region}")
        taken, replica = state.exports["BackupBucketName"], self._first.state.exports["ReplicationBucketName"]
        if taken != replica:
            raise FaultError(f"the stack that stands by works on {taken} instead of {replica}")
        for name, one in (("first", self._first.state), ("second", state)):
            (self._folder / f"{name}.json").write_text(json.dumps(one.exports), encoding="utf-8")
        return Stack(state)

    def _go_on(self, second: Stack, held: Witness, uploads: list[Upload]) -> tuple[Witness, Night]:
        """Restore, promote and back up in the second region; give what its source then held, and the night."""
        if not self._tables:
            with self._teller.step("the copies of the tables are lost too") as tell:
                tell(f"{delete_copies(self._first, second.state.region):,} tables")
        self._look_around()
        self._restore_one(second, held)
        self._restore_all(second, held)
        self._fill_tables(second)
        with self._teller.step("5 % of the files change") as tell:
            change_some(second, uploads, tell)
        changed = look(second.client("s3"), second.source["bucket"])
        with (
            nothing_wrong(second, self._teller),
            self._step("a night in the second region, into the replica", table.FIRST_FULL) as (_, tell),
        ):
            night = self._night(second, tell)
        if night.new >= night.read:
            raise FaultError("the night in the second region has stored everything again")
        self._restore_again(second, changed, night, "everybody, from the new backups")
        return changed, night

    def _look_around(self) -> None:
        with self._step("strongroom recover: look at what is there", table.look_at_scale()) as (_, tell):
            found = self._tool("recover", "--outputs", self._saved("first"))
            tell(f"{found['backups']:,} backups of {found['users']:,} users, the newest of {found['newest']}")
        if found["promote"]["tables"] is not self._tables:
            raise FaultError(f"the copies of the tables were misjudged: {found['tables']}")
        with self._step("strongroom backups --replica: list them", table.list_at_scale()) as (_, tell):
            listed = self._tool("backups", *self._replica(), "--every")
            tell(f"{len(listed['backups']):,} backups")

    def _restore_one(self, second: Stack, held: Witness) -> None:
        prefix = second.source["prefix"]
        user = max(Counter(key.removeprefix(prefix).partition("/")[0] for key in held).items(), key=lambda it: it[1])[0]
        with self._step("strongroom restore --replica: one user", table.one_user_at_scale()) as (step, tell):
            told = self._restore(second, *self._replica(), "--user", user)
            tell(f"{user}: {told['restored']:,} files, {size(told['bytes'])}")
            step.files, step.bytes = told["restored"], told["bytes"]
        folder = f"{prefix}{user}/"
        self._compare(of_user(held, folder), look(second.client("s3"), second.source["bucket"], folder))

    def _restore_all(self, second: Stack, held: Witness) -> None:
        with self._step("strongroom restore --replica: everybody", table.RESTORE) as (step, tell):
            told = self._restore(second, *self._replica(), "--all-users", "--conflict", "overwrite")
            tell(f"{told['restored']:,} files, {size(told['bytes'])}")
            step.files, step.bytes = told["restored"], told["bytes"]
        self._compare(held, look(second.client("s3"), second.source["bucket"]))

    def _fill_tables(self, second: Stack) -> None:
        expected = ["dedup"] if self._tables else ["dedup", "backups", "users"]
        with self._step("strongroom recover: fill the new primary's tables", table.fill_at_scale()) as (_, tell):
            told = self._tool("recover", "--outputs", self._saved("second"))
            rebuilt = told["rebuilt"] or {"chunks": 0, "backups": 0}
            tell(f"{', '.join(told['empty'])}: {rebuilt['chunks']:,} chunks, {rebuilt['backups']:,} backups")
        if told["empty"] != expected:
            raise FaultError(f"empty were {told['empty']} in {second.state.region}, instead of {expected}")

    def _night(self, stack: Stack, tell: Tell) -> Night:
        """Let the scheduler start a run and wait for its end."""
        before = stack.run_ids()
        with stack.due("incremental"):
            started = stack.wait_for_run(before)
        work = stack.wait_for_end(started.id, lambda work: tell(f"{work.done:,} of {work.expected or '?'} users"))
        read, new = work.counts.get("read", 0), work.counts.get("new", 0)
        tell(f"{work.status}, {work.done:,} users, {size(read)} read, {size(new)} new")
        if work.status != RunState.COMPLETED:
            raise FaultError(f"run {work.id} ended {work.status}")
        # Backups' times have whole seconds.
        time.sleep(_SECOND)
        return Night(read, new, datetime.now(UTC))

    def _restore_again(self, second: Stack, wanted: Witness, night: Night, name: str) -> None:
        """Restore everybody as of the night in the second region, beside what is there, and compare."""
        with self._step(f"strongroom restore: {name}", table.RESTORE) as (step, tell):
            options = ("--outputs", self._saved("second"), "--as-of", night.moment.isoformat())
            told = self._restore(second, *options, "--all-users", "--conflict", "overwrite", before=_AGAIN)
            tell(f"{told['restored']:,} files, {size(told['bytes'])}")
            step.files, step.bytes = told["restored"], told["bytes"]
        found = look(second.client("s3"), second.source["bucket"], _AGAIN)
        self._compare(wanted, {key.removeprefix(_AGAIN): seen for key, seen in found.items()})

    def _come_back(self, second: Stack, changed: Witness, night: Night, uploads: list[Upload]) -> None:
        """The first region is back, and before anybody stops it, its stack runs a night, which is replicated."""
        self._teller.say(f"{self._first.state.region} is back, and nobody has stopped its stack.", "bold")
        change_some(self._first, uploads, lambda _text: None)
        with self._teller.step("a night in the first region, which replicates into the new primary") as tell:
            self._night(self._first, tell)
        self._restore_again(second, changed, night, "the same, after the first region came back")
        with self._step("strongroom verify --depth full, on the new primary") as (_, tell):
            told = self._tool("verify", "--outputs", self._saved("second"), "--depth", "full")
            tell(f"{told['backups']:,} backups, {told['packs']:,} packs, {len(told['damages']):,} damages")

    def _restore(self, second: Stack, *options: str, before: str = "") -> dict[str, Any]:
        source = second.source
        named = ("--to-bucket", source["bucket"], "--to-prefix", f"{before}{source['prefix']}")
        known = () if "--source-name" in options else ("--source-name", source["name"])
        return self._tool("restore", *known, *options, *named)

    def _replica(self) -> tuple[str, ...]:
        return ("--outputs", self._saved("first"), "--replica", "--source-name", self._first.source["name"])

    def _saved(self, name: str) -> str:
        return str(self._folder / f"{name}.json")

    def _tool(self, *arguments: str) -> dict[str, Any]:
        return operator(self._first, *arguments, region=self._first.state.replica_region)

    def _compare(self, wanted: Witness, found: Witness) -> None:
        insist(self._teller, differences(wanted, found), "files that did not come back as they were")

    @contextmanager
    def _step(self, name: str, at_scale: str = "") -> Iterator[tuple[Step, Tell]]:
        """Say what is done, and keep how long it took."""
        step, begun = Step(name, at_scale), time.monotonic()
        with self._teller.step(name) as tell:
            yield step, tell
        step.seconds = time.monotonic() - begun
        self._steps.append(step)
