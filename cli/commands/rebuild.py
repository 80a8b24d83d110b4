"""`strongroom rebuild`: fill empty tables from the bucket."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from cli import options
from cli.outputs import Place, find_place
from cli.progress import shown
from cli.render import note, show_facts, show_json
from cli.statuses import DAMAGE, DONE
from functions.engine.errors import ConfigurationError
from functions.runtime.rebuild import RebuildReport, TableNames, catalog_time, open_tables, rebuild


def command(
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    dedup_table: Annotated[
        str | None, typer.Option("--dedup-table", help="DynamoDB table of the dedup index. Default: from the outputs.")
    ] = None,
    backups_table: Annotated[
        str | None, typer.Option("--backups-table", help="DynamoDB table of the catalog. Default: from the outputs.")
    ] = None,
    users_table: Annotated[
        str | None, typer.Option("--users-table", help="DynamoDB table of the users. Default: from the outputs.")
    ] = None,
    source_name: options.AnySource = None,
    retention_days: options.CatalogDays = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    replica: options.Replica = False,
    as_json: options.Json = False,
) -> None:
    """Fill dedup index, catalog and users from the bucket alone; tables that hold something already are completed."""
    place = find_place(repository, region, outputs, replica=replica)
    names = TableNames(
        _table("dedup", dedup_table, place),
        _table("backups", backups_table, place),
        _table("users", users_table, place),
    )
    started = time.monotonic()
    with options.open_toolbox(place.region, endpoint, profile) as tools, shown("rebuild") as progress:
        tables = open_tables(tools.cloud(), names)
        store = tools.store(place.bucket)
        retention = catalog_time(store, retention_days)
        report = rebuild(store, tables, progress, retention=retention, source=source_name)
    seconds = time.monotonic() - started
    if as_json:
        show_json(_document(report, seconds))
    else:
        _show(report, seconds)
    raise typer.Exit(DAMAGE if report.damages else DONE)


def _table(purpose: str, given: str | None, place: Place) -> str:
    """Give the table that was named, or that the outputs name."""
    name = given or place.tables.get(purpose)
    if name is None:
        raise ConfigurationError(f"name the table with --{purpose}-table", hint="or name the stack with --outputs")
    return name


def _document(report: RebuildReport, seconds: float) -> dict[str, Any]:
    return {
        "seconds": round(seconds, 3),
        "packs": report.packs,
        "chunks": report.chunks,
        "backups": report.backups,
        "users": report.users,
        "damages": [
            {"code": damage.error.code, "key": damage.key, "detail": damage.error.message} for damage in report.damages
        ],
    }


def _show(report: RebuildReport, seconds: float) -> None:
    show_facts(
        "rebuilt",
        [
            ("packs", f"{report.packs:,}"),
            ("chunks", f"{report.chunks:,}"),
            ("backups", f"{report.backups:,}"),
            ("users", f"{report.users:,}"),
            ("damages", f"{len(report.damages):,}"),
            ("seconds", f"{seconds:.1f}"),
        ],
    )
    for damage in report.damages:
        note(f"{damage.error.code}: {damage.key}: {damage.error.message}")
