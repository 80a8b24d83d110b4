"""`strongroom restore`: restore files to a bucket or to a local directory."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli import options
from cli.progress import shown
from cli.render import rate, show_facts, show_json, size
from functions.engine.conflict import Conflict
from functions.engine.errors import ConfigurationError
from functions.engine.ports import Destination
from functions.engine.repository import Repository
from functions.engine.restore import Restorer
from functions.runtime.local_run import by_patterns, choose_backups, records_of
from functions.runtime.toolbox import RestoreNames, Toolbox, cores, tune_garbage_collector

_PARTIAL = 9


def command(
    repository: options.Repository,
    source_name: Annotated[str, typer.Option("--source-name", help="Name of the source in the repository.")],
    user: options.Users = None,
    backup_id: Annotated[str | None, typer.Option("--backup", help="Id of the backup. Default: the newest.")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The newest backup at this time, ISO 8601.")] = None,
    pattern: Annotated[
        list[str] | None,
        typer.Option("--pattern", help="Only keys like this, e.g. 'alice/*.pdf'. Repeat for more."),
    ] = None,
    to_bucket: Annotated[str | None, typer.Option("--to-bucket", help="Bucket to restore into.")] = None,
    to_prefix: Annotated[str, typer.Option("--to-prefix", help="Prefix put before each key.")] = "",
    to_directory: Annotated[
        Path | None, typer.Option("--to-directory", help="Local directory to restore into.")
    ] = None,
    conflict: Annotated[Conflict, typer.Option("--conflict", help="When a file exists already.")] = Conflict.SKIP,
    workers: options.Workers = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    all_users: options.AllUsers = False,
    as_json: options.Json = False,
) -> None:
    """Restore files, each proven by its SHA-256 before it becomes visible."""
    users = options.chosen_users(user, all_users=all_users)
    moment = options.parse_time(as_of, "--as-of")
    if (to_bucket is None) == (to_directory is None):
        raise ConfigurationError("name either --to-bucket or --to-directory")
    tune_garbage_collector()
    started = time.monotonic()
    with options.open_toolbox(region, endpoint, profile) as tools, shown("restore") as progress:
        store = tools.store(repository)
        snapshots = Repository(store)
        names = choose_backups(snapshots, source_name, users, backup_id=backup_id, as_of=moment)
        cut = snapshots.commit(names[0]).prefix
        destination = _destination(
            tools, to_bucket, to_directory, RestoreNames(cut, to_prefix, names[0].backup_id), conflict
        )
        with Restorer(store, destination, workers=workers or cores(), progress=progress) as restorer:
            report = restorer.restore(records_of(snapshots, names), by_patterns(pattern or ()))
        requests = dict(tools.requests)
    seconds = time.monotonic() - started
    if as_json:
        show_json({"backups": len(names), "seconds": round(seconds, 3), **asdict(report), "requests": requests})
    else:
        show_facts(
            f"restored {len(names)} backups",
            [
                ("files restored", f"{report.restored:,}"),
                ("files that existed", f"{report.skipped:,}"),
                ("failed", f"{report.failed:,}"),
                ("bytes", size(report.bytes)),
                ("requests", f"{sum(requests.values()):,}"),
                ("seconds", f"{seconds:.1f}"),
                ("rate", rate(report.bytes, seconds)),
            ],
        )
        for failure in report.failures[:100]:
            typer.echo(f"{failure.name}: {failure.code}: {failure.reason}", err=True)
    raise typer.Exit(_PARTIAL if report.failed else 0)


def _destination(
    tools: Toolbox, bucket: str | None, directory: Path | None, names: RestoreNames, conflict: Conflict
) -> Destination:
    if bucket is not None:
        return tools.to_bucket(bucket, names, conflict)
    if directory is not None:
        return tools.to_directory(directory, names, conflict)
    raise ConfigurationError("name either --to-bucket or --to-directory")
