"""Runs: list them, look at one, ask for one. For operators; a user's own backup is asked for in the same way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Field

from functions.contract.messages import StartEvent
from functions.contract.states import RunState
from functions.engine.errors import NotFoundError
from functions.engine.model import BackupType
from functions.engine.orchestration.ports import Work
from functions.engine.orchestration.runs import ACTIVE, RunFacts, is_abandoned
from functions.runtime.api_cursor import read_cursor
from functions.runtime.api_errors import SourceBusyError, TokenReusedError, UnknownError
from functions.runtime.api_lists import in_order, page, place_of, since_of, until_of
from functions.runtime.api_models import BackupId, ClientToken, Model, Moment, Nothing, PageQuery, SourceName
from functions.runtime.api_ports import ApiPorts, Asked, require_source

LIST_DAYS: Final = 7
_REMEMBERED: Final = timedelta(hours=24)
"""How long a client token is known: as long as clients repeat a request, and longer."""
_NAMED: Final = 1_000
"""Users that a request may name, as many as the initiator takes."""
_FOLDER = r"^(|/|[^/]+)$"

User: TypeAlias = Annotated[str, Field(pattern=_FOLDER, max_length=900, description="A first-level folder.")]


class RunPath(Model):
    """Which run."""

    run: BackupId


class RunsQuery(PageQuery):
    """Which runs: those that were started from one time to another."""

    source: Annotated[SourceName | None, Field(description="Only those of one source.")] = None
    state: Annotated[RunState | None, Field(description="Only those in this state.")] = None
    since: Annotated[Moment | None, Field(description=f"Started then or later. Default: {LIST_DAYS} days ago.")] = None
    until: Annotated[Moment | None, Field(description="Started then or before.")] = None


class Users(Model):
    """How far a run's users are."""

    expected: Annotated[int | None, Field(description="None until all are planned.")]
    done: int
    completed: int
    partial: int
    failed: int


class Run(Model):
    """A run. Sizes in bytes."""

    run_id: BackupId
    source: str
    state: RunState
    type: BackupType
    trigger: Annotated[str, Field(description="schedule or manual.")]
    started: Moment
    window_end: Annotated[Moment, Field(description="When it should have ended.")]
    users: Users
    read_bytes: int
    new_bytes: int
    stored_bytes: int


class RunPage(Model):
    """Runs, newest first."""

    runs: list[Run]
    next_cursor: str | None


class RunBody(Model):
    """A run to be started now."""

    source: SourceName
    type: Annotated[BackupType, Field(description="FULL reads every byte again.")] = BackupType.MANUAL
    users: Annotated[
        list[User], Field(max_length=_NAMED, description="Only these users of the source; empty for all.")
    ] = Field(default_factory=list)
    client_token: ClientToken


class RunAsked(Model):
    """What became of a request for a run or a backup."""

    client_token: ClientToken
    run_id: Annotated[BackupId | None, Field(description="As soon as the run is there: ask again to learn it.")]
    state: Annotated[RunState | None, Field(description="Of the run.")]


def list_runs(ports: ApiPorts, asked: Asked[Nothing, RunsQuery, Nothing]) -> RunPage:
    """List runs, newest first."""
    query, before = asked.query, read_cursor(asked.scope, asked.query.cursor)
    since, until = since_of(query.since, ports.clock(), LIST_DAYS), until_of(query.until, before)
    states = [query.state] if query.state else list(RunState)
    works = in_order([ports.runs.latest(state.value, since, until) for state in states], place_of, before)
    wanted = (work for work in works if query.source in {None, work.facts["source"]})
    found, cursor = page(wanted, query.limit, asked.scope, place_of)
    return RunPage(runs=[_run(work) for work in found], next_cursor=cursor)


def get_run(ports: ApiPorts, asked: Asked[RunPath, Nothing, Nothing]) -> Run:
    """Give one run."""
    try:
        return _run(ports.runs.get(asked.path.run))
    except NotFoundError as error:
        raise UnknownError("there is no such run") from error


def start_run(ports: ApiPorts, asked: Asked[Nothing, Nothing, RunBody]) -> RunAsked:
    """Ask for a run of a source, or of some of its users. SourceBusyError while another one is under way."""
    body = asked.body
    return ask_for_run(ports, body.source, body.client_token, body.type, list(dict.fromkeys(body.users)))


def ask_for_run(ports: ApiPorts, source: str, token: str, kind: BackupType, users: Sequence[str]) -> RunAsked:
    """Ask the initiator for a run, unless the token's is there already.

    `token` is whose token it is, then the client's own behind the last slash. The initiator knows it too: whoever
    asks again before the run can be seen finds the same run. TokenReusedError when the token's run is another one.
    """
    require_source(ports, source)
    client, known = token.rpartition("/")[2], _known(token)
    for work in _recent(ports):
        if work.facts.get("token") == known:
            if (work.facts["source"], work.facts["type"], list(work.facts.get("users", ()))) != (
                source,
                kind.value,
                list(users),
            ):
                raise TokenReusedError("the client_token was used for another run")
            return RunAsked(client_token=client, run_id=work.id, state=RunState(work.status))
    busy = next((work for work in _active(ports) if work.facts["source"] == source), None)
    if busy is not None:
        raise SourceBusyError(f"run {busy.id} of the source is under way")
    event: dict[str, Any] = {
        StartEvent.TYPE: kind.value,
        StartEvent.SOURCE: source,
        StartEvent.CONTINUE: {"token": known},
    }
    ports.start_run({**event, StartEvent.USERS: list(users)} if users else event)
    return RunAsked(client_token=client, run_id=None, state=None)


def _known(token: str) -> str:
    """Give what a run is known by: as long for every name, and nothing that a schedule or a request would have."""
    return f"api/{hashlib.sha256(token.encode()).hexdigest()}"


def _recent(ports: ApiPorts) -> Iterator[Work]:
    now = ports.clock()
    return in_order([_latest(ports, state, now) for state in RunState], place_of, None)


def _active(ports: ApiPorts) -> Iterator[Work]:
    """Give the runs that hold their source."""
    now = ports.clock()
    for state in ACTIVE:
        for work in _latest(ports, state, now):
            if not work.complete and not is_abandoned(work, work.id, now):
                yield work


def _latest(ports: ApiPorts, state: RunState, now: datetime) -> Iterator[Work]:
    return ports.runs.latest(state.value, now - _REMEMBERED, until_of(None, None))


def _run(work: Work) -> Run:
    facts, counts = RunFacts.of(work), work.counts
    return Run(
        run_id=work.id,
        source=facts.source,
        state=RunState(work.status),
        type=facts.type,
        trigger=facts.trigger,
        started=work.started,
        window_end=facts.window_end,
        users=Users(
            expected=work.expected,
            done=work.done,
            completed=counts.get("completed", 0),
            partial=counts.get("partial", 0),
            failed=counts.get("failed", 0),
        ),
        read_bytes=counts.get("read", 0),
        new_bytes=counts.get("new", 0),
        stored_bytes=counts.get("stored", 0),
    )
