"""Chaos from beginning to end: a source to back up, the storm, a calm run after it, and the proof of every backup."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from cli.render import show_table, size
from functions.contract.states import RunState
from functions.engine.orchestration.ports import Work
from functions.engine.orchestration.runs import ACTIVE, RunFacts, in_order
from sandbox.chaos import troubles
from sandbox.chaos.alarms import Alarm, alarms_of, listen
from sandbox.chaos.expected import Aftermath, Line, lines_of, unexplained
from sandbox.chaos.proof import catalog, prove
from sandbox.chaos.storm import Storm, Victims, blow
from sandbox.chaos.switch import Switch
from sandbox.errors import SandboxError
from sandbox.nights import record
from sandbox.nights.faults import insist
from sandbox.nights.figures import operator
from sandbox.nights.logs import errors
from sandbox.nights.people import LIBRARY, deal, fill
from sandbox.nights.record import Night, NoNightsError
from sandbox.nights.stack import FaultError, Stack
from sandbox.nights.witness import Watcher, Witness, look, total
from sandbox.rights.decisions import denied
from sandbox.telling import Teller

_EVENING_BYTES: Final = 64 * 1024
_LEAST_USERS: Final = 3
_SECOND = timedelta(seconds=1)


class Scene:
    """A stack that is up, and what is known of it."""

    def __init__(self, stack: Stack, folder: Path, teller: Teller) -> None:
        """Nothing is asked yet."""
        self._stack, self._folder, self._teller = stack, folder, teller
        self._switch = Switch(stack.state.endpoint)
        self._faults: list[str] = []

    def play(self, data: Path | None, users: int, *, outage: bool) -> None:
        """Play it. FaultError when anything was lost, or somebody left untold.

        `outage`: one user is cut off from S3 until all attempts are over, which takes a minute or two.
        """
        stack, teller = self._stack, self._teller
        self._end_what_is_on()
        nights = self._nights_before(data, users)
        refused, alarms = {str(decision) for decision in denied(stack.state.endpoint)}, alarms_of(stack)
        victims = _victims(stack, nights[-1].held, outage=outage)
        with self._archived(victims):
            storm = blow(stack, self._switch, teller, victims)
            lines = self._aftermath(storm, alarms)
        self._calm(nights[-1].held, alarms)
        nights.append(Night("after the storm", _moment(), nights[-1].held))
        self._faults += [str(one) for one in denied(stack.state.endpoint) if str(one) not in refused]
        self._prove(nights)
        record.write(self._folder, nights)
        _show(lines, storm)
        insist(teller, self._faults, "what chaos has brought to light")

    def _end_what_is_on(self) -> None:
        """Let a run end that was broken off with an earlier storm: it would keep ours from starting."""
        stack = self._stack
        for left in (run for run in stack.runs() if run.status in ACTIVE):
            with self._teller.step(f"let run {left.id} end, which was left half done"):
                stack.wait_for_end(left.id, lambda run: troubles.let_time_pass(stack, self._switch, run))

    @contextmanager
    def _archived(self, victims: Victims) -> Iterator[None]:
        """Let a user's objects be in an archive during the block; afterwards they can be read, however it ends."""
        with self._teller.step(f"archive the {len(victims.keys):,} objects of {victims.unreadable}"):
            troubles.freeze(self._stack, victims.keys)
        try:
            yield
        finally:
            with self._teller.step("the storm is over: thaw the objects"):
                troubles.thaw(self._stack, victims.keys)

    def _nights_before(self, data: Path | None, users: int) -> list[Night]:
        """Give what the source has held so far, with an evening on which every user has written something."""
        stack, teller, source = self._stack, self._teller, self._stack.source
        try:
            nights = record.read(self._folder)
        except NoNightsError:
            nights = []
            with teller.step(f"fill the source from {data or LIBRARY}") as tell:
                fill(stack, deal(data or LIBRARY, users, source["prefix"]), tell)
            with teller.step("a night without trouble") as tell:
                tell(_night(stack, "incremental").status)
        with teller.step("remember every byte of the source; in the evening each user writes a file") as tell:
            watcher = Watcher(stack.client("s3"), source["bucket"], source["prefix"])
            nights.append(Night("before the storm", _moment(), watcher.look()))
            _write_evening_files(stack, nights[-1].held)
            nights.append(Night("evening", _moment(), watcher.look()))
            tell(f"{len(nights[-1].held):,} files, {size(total(nights[-1].held))}")
        stack.notices()
        return nights

    def _aftermath(self, storm: Storm, alarms: Sequence[Alarm]) -> list[Line]:
        """Look at what can be seen when the storm is over."""
        stack = self._stack
        with self._teller.step("look at metrics, queues, notices, logs and catalog") as tell:
            rows = [row for row in catalog(stack) if row.run_id == storm.ended.id]
            signals = listen(stack, alarms, storm.begun)
            after = Aftermath(storm, stack.source["name"], _queue_of(storm), alarms, signals, rows)
            lines = lines_of(after)
            self._faults += [f"{line.trouble}: {fault}" for line in lines for fault in line.faults]
            self._faults += unexplained(errors(stack, storm.begun), storm.killed)
            tell(f"{len(self._faults):,} faults")
        return lines

    def _calm(self, held: Witness, alarms: Sequence[Alarm]) -> None:
        """Let the next night pass without trouble: everybody must be backed up, and every alarm be silent again."""
        stack, source = self._stack, self._stack.source
        with self._teller.step("drop the dead letters: the next night makes good for them") as tell:
            tell(f"{troubles.drop_dead_letters(stack):,} dropped")
        if look(stack.client("s3"), source["bucket"], source["prefix"]) != held:
            raise FaultError("the source is not what it was before the storm")
        with self._teller.step("the next night, without trouble: the scheduler starts incremental") as tell:
            begun = datetime.now(UTC)
            work = _night(stack, "incremental")
            ringing = listen(stack, alarms, begun).ringing(alarms)
            tell(f"{work.status}, {work.done:,} users, {len(ringing)} alarms ring")
        if work.status != RunState.COMPLETED:
            self._faults.append(f"the calm run {work.id} ended {work.status}")
        self._faults += [f"after the calm run the alarm {name} rings: {heard:g}" for name, heard in ringing.items()]
        self._faults += errors(stack, begun)

    def _prove(self, nights: list[Night]) -> None:
        """Verify the repository, and restore every backup of the catalog."""
        stack = self._stack
        with self._teller.step("strongroom verify, every byte") as tell:
            told = operator(stack, "verify", "--repository", stack.state.exports["BackupBucketName"], "--depth", "full")
            tell(f"{told['backups']:,} backups, {told['packs']:,} packs, {told['orphans']:,} orphans, no damage")
        with self._teller.step("restore every backup of the catalog, compare every byte") as tell:
            rows = catalog(stack)
            proof = prove(stack, rows, nights)
            unended = [row for row in rows if row.state not in {"COMPLETED", "PARTIAL", "FAILED"}]
            self._faults += [*proof.faults, *(f"{row.backup_id} of {row.user} is still {row.state}" for row in unended)]
            tell(
                f"{proof.backups:,} backups of {proof.runs:,} runs, {proof.files:,} files, {size(proof.bytes)}, "
                f"{len(proof.faults):,} differences"
                + (f", {proof.forgotten:,} compared with nothing: nobody remembers" if proof.forgotten else "")
            )


def _night(stack: Stack, schedule: str) -> Work:
    """Let the scheduler start a run; give it when it has ended and people have been told."""
    before = stack.run_ids()
    with stack.due(schedule):
        started = stack.wait_for_run(before)
    work = stack.wait_for_end(started.id, lambda _work: None)
    stack.wait("its summary", lambda: stack.notices() or None)
    return work


def _victims(stack: Stack, held: Witness, *, outage: bool) -> Victims:
    """Choose who is hit: the last users by name, so that neither is alone in the queue of those who go first."""
    prefix = stack.source["prefix"]
    users = sorted({key.removeprefix(prefix).partition("/")[0] for key in held if "/" in key.removeprefix(prefix)})
    if len(users) < _LEAST_USERS:
        raise SandboxError(
            f"the source has {len(users)} users, and it takes {_LEAST_USERS}",
            hint="take it down, and give it more: --users",
        )
    keys = tuple(key for key, seen in held.items() if key.startswith(f"{prefix}{users[-1]}/") and seen.size)
    return Victims(users[-1], keys, users[-2] if outage else None)


def _write_evening_files(stack: Stack, held: Witness) -> None:
    """Let every user write a file that nobody has seen before."""
    source, random = stack.source, Random(time.time_ns())  # noqa: S311 - fresh bytes, not a secret
    folders = {"/".join(key.split("/")[: source["prefix"].count("/") + 1]) for key in held}
    for folder in sorted(folders):
        key = f"{folder}/evening-{random.randrange(10**6)}.bin"
        stack.client("s3").put_object(Bucket=source["bucket"], Key=key, Body=random.randbytes(_EVENING_BYTES))


def _queue_of(storm: Storm) -> str:
    """Give the name of the job queue in which the user who is cut off stands."""
    places = in_order([storm.victims.cut_off or ""], RunFacts.of(storm.ended).priority)
    return "jobs" if places[0].later else "priority"


def _moment() -> datetime:
    """Give a moment after all that was, and before all that comes: backups' times have whole seconds."""
    moment = datetime.now(UTC).replace(microsecond=0) + _SECOND
    time.sleep((moment + _SECOND - datetime.now(UTC)).total_seconds())
    return moment


def _show(lines: list[Line], storm: Storm) -> None:
    """Print the table."""
    rows = [(line.trouble, line.done, line.expected, line.found, "; ".join(line.faults) or "yes") for line in lines]
    show_table(
        f"Chaos during run {storm.ended.id}, {storm.seconds:.0f} s",
        ("trouble", "done", "must give", "found", "as it must be"),
        rows,
    )
