"""A user's restores: ask for one, follow it, list them.

What is restored lies below a prefix of the user's own in the bucket that it is restored into: nobody can have another
one's files written over. Into place restores an operator, by the tool or the restore function.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import Annotated, Any, Final

from pydantic import Field

from functions.contract.messages import RestoreEvent
from functions.contract.object_keys import encode_name, is_backup_id
from functions.contract.states import RestoreState
from functions.engine.conflict import Conflict
from functions.engine.errors import NotFoundError
from functions.engine.orchestration.archive import Tier
from functions.engine.orchestration.ports import Facts, Work
from functions.engine.orchestration.restore_answers import answer
from functions.engine.orchestration.restore_requests import PATTERNS, RestoreRequest, parse_request
from functions.runtime.api_backups import committed, newest
from functions.runtime.api_cursor import read_cursor
from functions.runtime.api_errors import TokenReusedError, UnknownError
from functions.runtime.api_lists import in_order, page, place_of, since_of, until_of
from functions.runtime.api_models import BackupId, ClientToken, Model, Moment, Nothing, PageQuery, UserPath
from functions.runtime.api_ports import ApiPorts, Asked, require_source
from functions.runtime.restore_closing import troubles_of

LIST_DAYS: Final = 30
FOLDER: Final = "restored/"
"""Below it and the names of source and user lies what the API has restored."""
_TROUBLES: Final = 20
_DIGITS: Final = 40


class RestorePath(UserPath):
    """Which restore."""

    restore: Annotated[str, Field(pattern=r"^api-[0-9a-f]{40}$", description="As the answer to the request gave it.")]


class RestoresQuery(PageQuery):
    """Which restores: those that were asked for from one time to another."""

    state: Annotated[RestoreState | None, Field(description="Only those in this state.")] = None
    since: Annotated[Moment | None, Field(description=f"Asked for then or later. Default: {LIST_DAYS} days ago.")] = (
        None
    )
    until: Annotated[Moment | None, Field(description="Asked for then or before.")] = None


class RestoreBody(Model):
    """What to restore, and where to."""

    at: Annotated[
        BackupId | Moment | None,
        Field(description="A backup's id, or a time: the newest backup that was started by then. Without: the newest."),
    ] = None
    patterns: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1_024)]],
        Field(
            max_length=PATTERNS,
            description="Shell patterns of whole keys, of which one must match; `*` matches `/` too. Empty: all files.",
            examples=[["clients/alice/*.pdf"]],
        ),
    ] = Field(default_factory=list)
    bucket: Annotated[
        str | None, Field(max_length=63, description="One that may be restored into; the first one unless named.")
    ] = None
    folder: Annotated[
        str, Field(max_length=200, description="Put behind the user's own prefix in the bucket, as it is.")
    ] = ""
    conflict: Annotated[Conflict, Field(description="What to do where an object stands already.")] = Conflict.SKIP
    dry_run: Annotated[bool, Field(description="Plan and estimate only.")] = False
    thaw_tier: Annotated[Tier, Field(description="How fast packs in an archive class are thawed.")] = Tier.STANDARD
    client_token: ClientToken


class Files(Model):
    """What became of the files."""

    restored: int
    skipped: int
    failed: int


class Tasks(Model):
    """How far a restore's tasks are."""

    expected: Annotated[int | None, Field(description="None until all are planned.")]
    done: int


class Cost(Model):
    """What a restore takes, as it was planned."""

    files: int
    bytes: int
    usd: float
    minutes: float
    thaw_hours: float
    archived_packs: int
    unreadable: Annotated[int, Field(description="Objects that the backup could not read.")]
    damaged: int
    too_large: Annotated[int, Field(description="Files that no worker can restore within its time.")]


class Restore(Model):
    """A restore and how it stands."""

    restore_id: str
    state: RestoreState
    asked: Moment
    ended: Moment | None
    eta: Annotated[Moment | None, Field(description="When it may end, while it is under way.")]
    backup_id: BackupId | None
    as_of: Moment | None
    patterns: list[str]
    bucket: str
    prefix: Annotated[str, Field(description="What stands before the keys of what is restored.")]
    conflict: Conflict
    dry_run: bool
    tasks: Tasks
    files: Files
    bytes: int
    estimate: Annotated[Cost | None, Field(description="As soon as it is planned.")]
    error_code: Annotated[str | None, Field(description="Why it FAILED.")]
    troubles: Annotated[list[str], Field(max_length=_TROUBLES, description="What went wrong with single files.")]


class RestorePage(Model):
    """Restores, newest first."""

    restores: list[Restore]
    next_cursor: str | None


class RestoreAsked(Model):
    """What became of a request for a restore."""

    restore_id: str
    state: RestoreState


def start_restore(ports: ApiPorts, asked: Asked[UserPath, Nothing, RestoreBody]) -> RestoreAsked:
    """Ask for a restore. It can be followed some seconds later. TokenReusedError for another request's token."""
    path, body = asked.path, asked.body
    require_source(ports, path.source)
    bucket = body.bucket if body.bucket is not None else next(iter(ports.restore_buckets), None)
    if bucket not in ports.restore_buckets:
        raise UnknownError("there is no such bucket to restore into", hint="leave the bucket out, or ask the operators")
    restore_id = _restore_id(path, body.client_token)
    request = parse_request(_event(path, body, str(bucket), restore_id), ports.restore_buckets)
    known = _find(ports, restore_id)
    if known is not None:
        if known.facts["request"] != request.facts():
            raise TokenReusedError("the client_token was used for another restore")
        return RestoreAsked(restore_id=restore_id, state=RestoreState(known.status))
    if request.backup_id is not None:
        committed(ports, path, request.backup_id)
    else:
        newest(ports, path, request.as_of)
    ports.start_restore(request.facts())
    return RestoreAsked(restore_id=restore_id, state=RestoreState.REQUESTED)


def get_restore(ports: ApiPorts, asked: Asked[RestorePath, Nothing, Nothing]) -> Restore:
    """Say how a restore stands."""
    require_source(ports, asked.path.source)
    work = _find(ports, asked.path.restore)
    if work is None or not _belongs(work.facts["request"], asked.path):
        raise UnknownError(
            "the user has no such restore", hint="what was asked for a moment ago may take some seconds to be seen"
        )
    troubled = work.counts.get("failed", 0) or work.counts.get("tasks_failed", 0)
    troubles = list(islice(troubles_of(ports.restores, work), _TROUBLES)) if troubled else []
    return _restore(ports, work, troubles)


def list_restores(ports: ApiPorts, asked: Asked[UserPath, RestoresQuery, Nothing]) -> RestorePage:
    """List a user's restores, newest first: those that were asked for by the API."""
    require_source(ports, asked.path.source)
    query, before = asked.query, read_cursor(asked.scope, asked.query.cursor)
    since, until = since_of(query.since, ports.clock(), LIST_DAYS), until_of(query.until, before)
    states = [query.state] if query.state else list(RestoreState)
    works = in_order([ports.restores.latest(state.value, since, until) for state in states], place_of, before)
    wanted = (work for work in works if _is_ours(work) and _belongs(work.facts["request"], asked.path))
    found, cursor = page(wanted, query.limit, asked.scope, place_of)
    return RestorePage(restores=[_restore(ports, work, []) for work in found], next_cursor=cursor)


def _restore_id(path: UserPath, token: str) -> str:
    """Give the id of a user's request: the same for the same token, and of no other user's."""
    name = f"{path.source}/{encode_name(path.name)}/{token}"
    return f"api-{hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]}"


def _is_ours(work: Work) -> bool:
    return work.id.startswith("api-")


def _event(path: UserPath, body: RestoreBody, bucket: str, restore_id: str) -> Facts:
    chosen: dict[str, Any] = {}
    if isinstance(body.at, str) and is_backup_id(body.at):
        chosen[RestoreEvent.BACKUP] = body.at
    elif body.at is not None:
        chosen[RestoreEvent.AS_OF] = body.model_dump(include={"at"})["at"]
    return {
        **chosen,
        RestoreEvent.SOURCE: path.source,
        RestoreEvent.USERS: [path.name],
        RestoreEvent.PATTERNS: body.patterns,
        RestoreEvent.BUCKET: bucket,
        RestoreEvent.PREFIX: f"{FOLDER}{path.source}/{encode_name(path.name)}/{body.folder}",
        RestoreEvent.CONFLICT: body.conflict.value,
        RestoreEvent.DRY_RUN: body.dry_run,
        RestoreEvent.TIER: body.thaw_tier.value,
        RestoreEvent.REQUEST: restore_id,
    }


def _find(ports: ApiPorts, restore_id: str) -> Work | None:
    try:
        return ports.restores.get(restore_id)
    except NotFoundError:
        return None


def _belongs(request: Facts, path: UserPath) -> bool:
    return (request[RestoreEvent.SOURCE], request[RestoreEvent.USERS]) == (path.source, [path.name])


def _restore(ports: ApiPorts, work: Work, troubles: list[str]) -> Restore:
    request = RestoreRequest.from_facts(work.facts["request"])
    told = answer(work, troubles, ports.clock(), ports.restore_concurrency)
    estimate = told.get("estimate")
    return Restore(
        restore_id=work.id,
        state=RestoreState(work.status),
        asked=work.started,
        ended=told.get("ended"),
        eta=told.get("eta"),
        backup_id=request.backup_id,
        as_of=request.as_of,
        patterns=list(request.patterns),
        bucket=request.bucket,
        prefix=request.prefix,
        conflict=request.conflict,
        dry_run=request.dry_run,
        tasks=Tasks(**told["tasks"]),
        files=Files(**told["files"]),
        bytes=told["bytes"],
        estimate=_cost(estimate) if estimate is not None else None,
        error_code=str(told["error"]).partition(":")[0] if "error" in told else None,
        troubles=troubles,
    )


def _cost(estimate: Facts) -> Cost:
    known = {name: estimate[name] for name in Cost.model_fields}
    return Cost(**{**known, **{name: float(known[name]) for name in ("usd", "minutes", "thaw_hours")}})
