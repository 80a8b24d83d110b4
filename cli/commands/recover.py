"""`strongroom recover`: what is left in the second region when the first is lost, and what to do next."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import typer

from cli import options
from cli.outputs import Place, StackOutputs, find_place, place_of, read_file
from cli.progress import shown
from cli.recovery_text import AFTER, as_yaml, before, origin_of, promotion
from cli.render import note, show_facts, show_json, show_line
from cli.statuses import DAMAGE, DONE, PARTIAL
from functions.engine.arrival import Incomplete, incomplete_backups, note_incomplete
from functions.engine.errors import ConfigurationError
from functions.runtime.rebuild import RebuildReport, TableNames, catalog_time, open_tables, rebuild
from functions.runtime.second_region import (
    COPIED,
    Backups,
    TableState,
    count_backups,
    judge,
    key_of,
    look_at_tables,
    to_fill,
)
from functions.runtime.toolbox import Toolbox, now

_FILLED = ("dedup", "backups", "users")


class _Found(NamedTuple):
    """What there is in the second region."""

    place: Place
    backups: Backups
    tables: Mapping[str, TableState]
    incomplete: Sequence[Incomplete]


def command(
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    retention_days: options.CatalogDays = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    again: Annotated[bool, typer.Option("--rebuild", help="Fill tables also if they hold something.")] = False,
    as_json: options.Json = False,
) -> None:
    """Look at the second region, and at nothing of the first.

    With the outputs of the lost stack, or its replica as --repository: say what is there and how to promote it. With
    the outputs of the stack that has taken over: fill the tables that are empty from the bucket, and say how to run.
    """
    options.one_of(repository=repository, outputs=outputs)
    said = read_file(outputs) if outputs else None
    promoted = said is not None and said.promoted_from is not None
    place = place_of(said, replica=not promoted) if said else find_place(repository, region, None, replica=False)
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        if said is not None and promoted:
            status = _fill(tools, place, retention_days, again=again, as_json=as_json)
        else:
            status = _advise(tools, place, said, as_json=as_json)
    raise typer.Exit(status)


def _advise(tools: Toolbox, place: Place, said: StackOutputs | None, *, as_json: bool) -> int:
    """Say what is there, and how another stack takes it over; give the exit status."""
    origin = origin_of(place.bucket)
    environment = said.stack if said else origin.environment if origin else None
    if not environment:
        hint = "name the replica of a stack, or --outputs"
        raise ConfigurationError(f"{place.bucket} is not called like the replica of a stack", hint=hint)
    names = place.tables or {table: f"strongroom-{environment}-{table}" for table in COPIED}
    copied = {purpose: name for purpose, name in names.items() if purpose in COPIED}
    cloud = tools.cloud()
    store = tools.store(place.bucket)
    found = _Found(place, count_backups(store), look_at_tables(cloud, copied), incomplete_backups(store))
    verdict = judge(found.tables)
    key = (said.copy.key_arn if said and said.copy else None) or key_of(cloud, place.bucket)
    setting = promotion(environment, key, tables=verdict.usable)
    steps = before(place, found.backups.sources)
    if as_json:
        show_json({**_document(found), "reasons": verdict.reasons, "promote": setting, "next": steps})
        return _status(found)
    _show(found)
    usable = "can be used" if verdict.usable else f"cannot be used: {'; '.join(verdict.reasons)}"
    for line in [f"the tables {usable}", "", *as_yaml(setting), "", *steps]:
        show_line(line)
    return _status(found)


def _fill(tools: Toolbox, place: Place, days: int | None, *, again: bool, as_json: bool) -> int:
    """Fill what is empty of the tables of the stack that has taken over; give the exit status."""
    if missing := [name for name in _FILLED if name not in place.tables]:
        raise ConfigurationError(f"--outputs names no table {', '.join(missing)}")
    cloud, store, started = tools.cloud(), tools.store(place.bucket), time.monotonic()
    found = _Found(place, count_backups(store), look_at_tables(cloud, place.tables), incomplete_backups(store))
    for one in found.incomplete:
        note_incomplete(store, one)
    empty = _FILLED if again else to_fill(found.tables)
    report: RebuildReport | None = None
    if empty:
        tables = open_tables(cloud, TableNames(*(place.tables[name] for name in _FILLED)))
        with shown("rebuild") as progress:
            report = rebuild(store, tables, progress, retention=catalog_time(store, days))
    if as_json:
        rebuilt = _rebuilt(report) if report else None
        seconds = round(time.monotonic() - started, 3)
        show_json({**_document(found), "empty": empty, "rebuilt": rebuilt, "seconds": seconds, "next": AFTER})
    else:
        _show(found)
        _tell(empty, report)
        for line in AFTER:
            show_line(line)
    for damage in report.damages if report else ():
        note(f"{damage.error.code}: {damage.key}: {damage.error.message}")
    return DAMAGE if report and report.damages else _status(found)


def _status(found: _Found) -> int:
    return PARTIAL if found.incomplete else DONE


def _tell(empty: tuple[str, ...], report: RebuildReport | None) -> None:
    if report is None:
        show_line("no table is empty: nothing was filled")
        return
    counts = ", ".join(f"{count:,} {name}" for name, count in _rebuilt(report).items())
    show_line(f"filled, since empty or told to: {', '.join(empty)} ({counts})")


def _rebuilt(report: RebuildReport) -> dict[str, int]:
    return {
        "packs": report.packs,
        "chunks": report.chunks,
        "backups": report.backups,
        "users": report.users,
        "damages": len(report.damages),
    }


def _document(found: _Found) -> dict[str, Any]:
    backups = found.backups
    return {
        "repository": found.place.bucket,
        "region": found.place.region,
        "backups": backups.count,
        "users": backups.users,
        "sources": list(backups.sources),
        "newest": backups.newest.isoformat(),
        "behind": backups.behind.isoformat(),
        "incomplete": [
            {**one.name._asdict(), "packs": one.packs, "manifests": one.manifests} for one in found.incomplete
        ],
        "tables": {purpose: state.value for purpose, state in found.tables.items()},
    }


def _show(found: _Found) -> None:
    backups = found.backups
    show_facts(
        f"{found.place.bucket} in {found.place.region}",
        [
            ("backups", f"{backups.count:,}"),
            ("users", f"{backups.users:,}"),
            ("sources", ", ".join(backups.sources)),
            ("newest backup", _aged(backups.newest)),
            ("newest of the last user", _aged(backups.behind)),
            ("users whose newest did not arrive whole", f"{len(found.incomplete):,}"),
            *((f"table {purpose}", state.value) for purpose, state in found.tables.items()),
        ],
    )
    _say_incomplete(found)


def _say_incomplete(found: _Found) -> None:
    for one in found.incomplete:
        source, user, backup = one.name
        lacks = f"{one.packs:,} packs and {one.manifests:,} manifests are not there"
        note(f"{source}: {user}: {backup}: {lacks}; the next backup there builds on nothing of it")


def _aged(moment: datetime) -> str:
    hours = (now() - moment).total_seconds() / 3_600
    return f"{moment:%Y-%m-%d %H:%M} UTC, {hours:,.1f} h ago"
