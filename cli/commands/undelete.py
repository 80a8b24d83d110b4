"""`strongroom undelete`: bring back what retention has let go."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cli import options, retaining
from cli.outputs import Place, find_place
from cli.progress import Goal, shown
from cli.render import note, show_json, show_lines, show_table
from cli.statuses import DONE, INTERRUPTED, PARTIAL
from functions.contract.object_keys import COMMIT_NAME, commit_key, pack_key, parse_snapshot_key, user_prefix
from functions.engine.errors import BackupNotFoundError, ConfigurationError, NotFoundError
from functions.engine.repository import BackupName
from functions.engine.retention.erasure import read_erasures
from functions.engine.retention.erasure_report import State, state_of
from functions.engine.retention.holds import Author
from functions.engine.retention.ports import CollectorPorts
from functions.engine.retention.undelete import (
    hold_and_undelete,
    needed_keys,
    record_in_versions,
    undelete_pack,
)
from functions.runtime.people import collector_ports
from functions.runtime.toolbox import Toolbox, now

_PACK = re.compile(r"[0-9a-f]{32}")
_ABSENT = Counter({State.GONE.value: 1})

Packs = Annotated[list[str] | None, typer.Option("--pack", help="Id of a pack. Repeat for more. No hold protects it.")]


@dataclass(frozen=True, slots=True)
class _Found:
    """A backup or a pack that somebody wants back, and what is left of it."""

    name: str
    backup: BackupName | None
    left: Counter[str]

    @property
    def whole(self) -> bool:
        """Whether nothing of it is gone for good."""
        return not self.left[State.GONE.value]

    def document(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        return {"name": self.name, **{state.value: self.left[state.value] for state in State}}


def command(
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    source_name: options.AnySource = None,
    user: Annotated[str | None, typer.Option("--user", help="The user whose backups come back.")] = None,
    backup_id: Annotated[
        str | None, typer.Option("--backup", help="Id of one backup. Default: all of the user that were let go.")
    ] = None,
    pack: Packs = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why. It stands in the hold that is set.")] = None,
    by: retaining.By = None,
    backups_table: Annotated[
        str | None, typer.Option("--backups-table", help="DynamoDB table of the catalog. Default: from the outputs.")
    ] = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is left, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; only a terminal is asked.")] = False,
    as_json: options.Json = False,
) -> None:
    """Bring back backups that were let go, each under a hold, or single packs. Older versions are written anew."""
    options.one_of(user=user, pack=pack)
    options.not_without("--source-name", source_name, "--user", given=user is not None)
    options.not_without("--user", user, "--source-name", given=source_name is not None)
    options.not_without("--backup", options.parse_backup_id(backup_id), "--user", given=user is not None)
    options.not_without("--reason", reason, "--user: packs get no hold", given=user is not None)
    who = retaining.author(by, reason or "brought back by undelete")
    place = find_place(repository, region, outputs, replica=False)
    with options.open_toolbox(place.region, endpoint, profile) as tools, shown("undelete") as progress:
        ports = collector_ports(tools, place.bucket, None, backups_table or place.tables.get("backups"))
        mapper = retaining.many_at_once(progress)
        if user is None:
            found = [_pack(ports, item) for item in pack or ()]
        else:
            [name] = options.named_users([user])
            names = _backups(tools, place, ports, source_name or "", name, backup_id)
            found = [_backup(ports, item, mapper) for item in names]
        progress.goal = Goal(files=progress.files + sum(item.left.total() for item in found))
        wanted = [item for item in found if item.whole]
        if not dry_run and _confirmed(found, ask=not yes):
            for item in wanted:
                _bring_back(ports, item, who, mapper)
    _show(found, dry_run=dry_run, as_json=as_json)
    raise typer.Exit(DONE if len(wanted) == len(found) else PARTIAL)


def _backups(
    tools: Toolbox, place: Place, ports: CollectorPorts, source: str, user: str, backup_id: str | None
) -> list[BackupName]:
    """Give the backup that was named, or all of the user that are not simply there."""
    orders = read_erasures(ports.store).of(source, user)
    if orders:
        raise ConfigurationError(
            f"user {user!r} is erased by {orders[-1].erasure_id}: nothing of his may come back",
            hint=f"if that is wrong, strongroom erase --withdraw {orders[-1].erasure_id} first",
        )
    keys = tools.stored_keys(place.bucket, user_prefix(source, user))
    parsed = [item for item in map(parse_snapshot_key, keys) if item is not None and item.name == COMMIT_NAME]
    names = [BackupName(*item[:3]) for item in parsed]
    if backup_id is not None:
        if BackupName(source, user, backup_id) not in names:
            raise BackupNotFoundError(
                f"nothing is left of backup {backup_id} of user {user!r}", hint="look for it in the replica"
            )
        return [BackupName(source, user, backup_id)]
    gone = [name for name in names if state_of(ports.vault.versions(commit_key(*name))) != State.THERE]
    if not gone:
        raise BackupNotFoundError(
            f"no backup of user {user!r} of source {source!r} was let go" if names else f"there is no user {user!r}",
            hint="what lies deeper in the past is gone, here; the replica keeps no longer",
        )
    return gone


def _backup(ports: CollectorPorts, name: BackupName, mapper: Any) -> _Found:  # noqa: ANN401 - generic, see many_at_once
    try:
        record = record_in_versions(ports.vault, name)
    except NotFoundError:
        return _Found(name.backup_id, name, Counter(_ABSENT))
    keys = [*needed_keys(record), commit_key(*name)]
    return _Found(name.backup_id, name, Counter(mapper(lambda key: state_of(ports.vault.versions(key)).value, keys)))


def _pack(ports: CollectorPorts, pack: str) -> _Found:
    if not _PACK.fullmatch(pack):
        raise ConfigurationError(
            f"--pack is {pack!r}, must be a pack's id of 32 digits", hint="plans name them: strongroom collect show"
        )
    return _Found(pack, None, Counter([state_of(ports.vault.versions(pack_key(pack))).value]))


def _bring_back(ports: CollectorPorts, item: _Found, who: Author, mapper: Any) -> None:  # noqa: ANN401 - see _backup
    if item.backup is None:
        undelete_pack(ports.vault, item.name)
    else:
        hold_and_undelete(ports, item.backup, who, now(), mapper)


def _confirmed(found: Sequence[_Found], *, ask: bool) -> bool:
    """Ask a person at a terminal whether this is what they want."""
    if not (ask and sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    objects = sum(item.left.total() - item.left[State.THERE.value] for item in found if item.whole)
    if not typer.confirm(f"Bring back {objects:,} objects of {len(found):,}?", err=True):
        raise typer.Exit(INTERRUPTED)
    return True


def _show(found: Sequence[_Found], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        show_json({"dry_run": dry_run, "found": [item.document() for item in found]})
    else:
        rows = [(item.name, *(f"{item.left[state.value]:,}" for state in State)) for item in found]
        show_table("what was left" if dry_run else "brought back, of this", ("", *(s.value for s in State)), rows)
        if not dry_run and any(item.backup is not None and item.whole for item in found):
            show_lines(["each backup has a hold: strongroom holds"])
    for item in found:
        if not item.whole:
            note(f"{item.name}: parts of it are gone for good; look for it in the replica")
