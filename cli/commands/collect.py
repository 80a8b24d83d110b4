"""`strongroom collect`: look at collections, before and after, and ask for one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import options, retaining
from cli.outputs import Place, find_place, read_file
from cli.progress import shown
from cli.render import note, show_facts, show_json, show_lines, size
from cli.statuses import DONE, INTERRUPTED, PARTIAL
from functions.contract.messages import CollectEvent
from functions.contract.object_keys import COLLECTIONS, DONE_NAME, PLAN_NAME, is_backup_id, parse_collection_key
from functions.engine.errors import ConfigurationError, NotFoundError, UnavailableError
from functions.engine.ports import BlobStore
from functions.engine.retention.collector import collect
from functions.engine.retention.plan import BACKUPS, DRAINED, PACKS, Document, Plan, read_plan
from functions.engine.retention.settings import CollectSettings
from functions.runtime.people import ask_for_collection, collector_ports
from functions.runtime.toolbox import Toolbox

group = typer.Typer(help="Look at collections: what one would do now, what one did; and ask for one.")

_SHOWN = 100
_KINDS = (BACKUPS, PACKS, DRAINED)
_SECONDS = 5.0
_MOST_SECONDS = 900
"""A function ends within 15 minutes (AWS Lambda Developer Guide, "Lambda quotas")."""

DedupTable = Annotated[
    str | None, typer.Option("--dedup-table", help="DynamoDB table of the dedup index. Default: from the outputs.")
]
BackupsTable = Annotated[
    str | None, typer.Option("--backups-table", help="DynamoDB table of the catalog. Default: from the outputs.")
]
Share = Annotated[
    float | None,
    typer.Option("--allow-share", min=0.001, max=1, help="Part of all bytes, or backups, that this one may let go."),
]
Measure = Annotated[bool, typer.Option("--measure", help="Read all manifests, to find packs that are hardly needed.")]


@group.command("plan")
def plan(
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    stack: retaining.StackFile = None,
    program: retaining.Program = None,
    dedup_table: DedupTable = None,
    share: Share = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    measure: Measure = False,
    as_json: options.Json = False,
) -> None:
    """Say what a collection would do now, and what it would refuse. Nothing is written."""
    place = find_place(repository, region, outputs, replica=False)
    table = dedup_table or place.tables.get("dedup")
    lines: list[dict[str, Any]] = []

    def hear(kind: str, line: Document) -> None:
        progress.advance(files=1)
        if len(lines) < _SHOWN and (kind != BACKUPS or line["fate"] != "KEEP"):
            lines.append({"kind": kind, **line})

    with options.open_toolbox(place.region, endpoint, profile) as tools, shown("collect") as progress:
        settings = _settings(tools, place, stack, program, share, measure=measure, dry_run=True)
        report = collect(collector_ports(tools, place.bucket, table), settings, hear).document()
    if table is None:
        note("no --dedup-table: whether the index leads to what is due was not asked")
    _show_report(f"a collection at {report['began']} would", report, lines, as_json=as_json)
    raise typer.Exit(PARTIAL if report["refused"] else DONE)


@group.command("show")
def show(
    collection: Annotated[
        str | None, typer.Argument(metavar="[COLLECTION]", help="Id of a collection. Default: the newest.")
    ] = None,
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    lines: Annotated[bool, typer.Option("--lines", help="Print every line of the plan, as JSON.")] = False,
    replica: options.Replica = False,
    as_json: options.Json = False,
) -> None:
    """Read the plan that a collection wrote: what it decided, why, and whether it is done."""
    if collection is not None and not is_backup_id(collection):
        raise ConfigurationError(
            f"COLLECTION is {collection!r}, must be a collection's id, e.g. 20261120T050000Z-1f3a9c20",
            hint="leave it out for the newest",
        )
    place = find_place(repository, region, outputs, replica=replica)
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        store = tools.store(place.bucket)
        found = _find_plan(store, collection)
        if lines:
            show_lines(json.dumps(line, ensure_ascii=False) for line in _lines(store, found))
            return
        sample = [line for line, _ in zip(_changes(store, found), range(_SHOWN), strict=False)]
    report = {**found.head, "collection": found.collection, "done": found.done}
    report.pop("parts")
    ended = "did" if found.done is not None else "meant to, and is not done,"
    _show_report(f"collection {found.collection} {ended}", report, sample, as_json=as_json)


@group.command("run")
def run(
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    function: Annotated[
        str | None, typer.Option("--function", help="Name or ARN of the collector. Default: from the outputs.")
    ] = None,
    share: Share = None,
    stack: retaining.StackFile = None,
    program: retaining.Program = None,
    dedup_table: DedupTable = None,
    backups_table: BackupsTable = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    here: Annotated[bool, typer.Option("--here", help="On this machine, with the rights of the collector.")] = False,
    measure: Measure = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the function is done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; only a terminal is asked.")] = False,
    as_json: options.Json = False,
) -> None:
    """Do a collection: the collector function does it, or this machine, where 15 minutes are too short."""
    place = find_place(repository, region, outputs, replica=False)
    _confirm(share, ask=not yes)
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        if here:
            tables = dedup_table or place.tables.get("dedup"), backups_table or place.tables.get("backups")
            report = _run_here(tools, place, stack, program, tables, share, measure=measure)
            _show_report("the collection did", report, [], as_json=as_json)
            raise typer.Exit(PARTIAL if report["refused"] else DONE)
        name = function or _function_of(outputs)
        before = {key for key in _files(tools.store(place.bucket)) if key.endswith(DONE_NAME)}
        event: dict[str, Any] = {CollectEvent.MEASURE: True} if measure else {}
        ask_for_collection(tools.cloud(), name, event | ({CollectEvent.EXPIRE_SHARE: share} if share else {}))
        done = _await(tools.store(place.bucket), before) if wait else None
    if as_json:
        show_json({"function": name, "collection": done})
    else:
        follow = f"strongroom collect show {done}" if done else "strongroom collect show, in some minutes"
        show_facts("done" if done else "asked for", [("function", name), ("see", follow)])


def _settings(
    tools: Toolbox,
    place: Place,
    stack: str | None,
    program: Path | None,
    share: float | None,
    *,
    measure: bool,
    dry_run: bool,
) -> CollectSettings:
    rules = retaining.present_rules(tools.store(place.bucket), stack, program)
    policy = retaining.OtherRules().on(rules.policy)
    lock_days = rules.lock_days or tools.protection(place.bucket).lock_days
    return CollectSettings(policy, lock_days, measure=measure, dry_run=dry_run, expire_share=share, bucket=place.bucket)


def _run_here(
    tools: Toolbox,
    place: Place,
    stack: str | None,
    program: Path | None,
    tables: tuple[str | None, str | None],
    share: float | None,
    *,
    measure: bool,
) -> dict[str, Any]:
    dedup, backups = tables
    if dedup is None:
        raise ConfigurationError("--here needs --dedup-table or --outputs", hint="the index must lead to nothing")
    settings = _settings(tools, place, stack, program, share, measure=measure, dry_run=False)
    with shown("collect") as progress:
        report = collect(
            collector_ports(tools, place.bucket, dedup, backups), settings, lambda *_: progress.advance(files=1)
        )
    return {"collection": report.collection, **report.document()}


def _function_of(outputs: Path | None) -> str:
    name = read_file(outputs).functions.get("collector") if outputs is not None else None
    if name is None:
        raise ConfigurationError("nobody knows the collector", hint="name --function, or --outputs of a stack with one")
    return name


def _confirm(share: float | None, *, ask: bool) -> None:
    """Ask a person at a terminal whether this is what they want."""
    if not (ask and sys.stdin.isatty() and sys.stderr.isatty()):
        return
    what = f", up to {share:.0%} of everything" if share is not None else ""
    if not typer.confirm(f"Let go of what no rule keeps{what}?", err=True):
        raise typer.Exit(INTERRUPTED)


def _await(store: BlobStore, before: set[str]) -> str:
    """Wait for a collection that ends now; give its id. UnavailableError when none does."""
    with shown("collect"):
        for _ in range(int(_MOST_SECONDS / _SECONDS)):
            for key in _files(store):
                parsed = parse_collection_key(key)
                if parsed is not None and parsed.name == DONE_NAME and key not in before:
                    return parsed.collection
            time.sleep(_SECONDS)
    raise UnavailableError("no collection has ended within 15 minutes", hint="see the collector's log and its alarms")


def _files(store: BlobStore) -> Iterator[str]:
    return (blob.key for blob in store.list(COLLECTIONS))


def _find_plan(store: BlobStore, collection: str | None) -> Plan:
    names: dict[str, set[str]] = {}
    for key in _files(store):
        parsed = parse_collection_key(key)
        if parsed is not None:
            names.setdefault(parsed.collection, set()).add(parsed.name)
    planned = sorted(name for name, found in names.items() if PLAN_NAME in found)
    if not planned:
        raise NotFoundError("no collection has been here yet", hint="`strongroom collect plan` shows what one would do")
    chosen = collection or planned[-1]
    if chosen not in planned:
        raise NotFoundError(f"there is no plan of collection {chosen}", hint=f"the newest is {planned[-1]}")
    return read_plan(store, chosen, done=DONE_NAME in names[chosen])


def _lines(store: BlobStore, found: Plan) -> Iterator[dict[str, Any]]:
    return ({"kind": kind, **line} for kind in _KINDS for line in found.lines(store, kind))


def _changes(store: BlobStore, found: Plan) -> Iterator[dict[str, Any]]:
    return (line for line in _lines(store, found) if line["kind"] != BACKUPS or line["fate"] != "KEEP")


def _show_report(title: str, report: dict[str, Any], lines: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        show_json({**report, "lines": lines})
    else:
        counts = [(name.replace("_", " "), f"{count:,}") for name, count in report["counts"].items() if count]
        sizes = [(f"bytes of packs: {name}", size(count)) for name, count in report["bytes"].items()]
        show_facts(title, [*counts, *sizes])
        show_lines(_line_text(line) for line in lines)
        if len(lines) == _SHOWN:
            note(f"these are the first {_SHOWN}; `strongroom collect show --lines` prints all of a plan")
    for reason in report["refused"]:
        note(f"refused: {reason}")
    for kind in ("unreadable", "missing", "skewed"):
        for name in report[kind]:
            note(f"{kind}: {name}")


def _line_text(line: dict[str, Any]) -> str:
    if "pack" in line:
        return f"{line['fate']:8} pack {line['pack']}, {size(line['size'])}: {line['why']}"
    if "segment" in line:
        return f"{line['fate']:8} segment {line['segment']}: {line['why']}"
    reasons = "; ".join(f"{rule}: {text}" for rule, text in line["reasons"]) or line.get("why", "")
    return f"{line['fate']:8} backup {line['source']}/{line['user']}/{line['backup_id']}: {reasons}"
