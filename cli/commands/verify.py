"""`strongroom verify`: prove that backups can be restored."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from cli import options
from cli.progress import shown
from cli.render import rate, show_facts, show_json, size
from functions.engine.errors import BackupNotFoundError, CorruptionError
from functions.engine.repository import Repository
from functions.engine.verify import Verifier
from functions.engine.verify_report import Damage, Depth, VerifyReport
from functions.runtime.toolbox import cores, tune_garbage_collector


def command(
    repository: options.Repository,
    source_name: Annotated[str, typer.Option("--source-name", help="Name of the source in the repository.")],
    user: options.Users = None,
    depth: Annotated[Depth, typer.Option("--depth", help="How far to look.")] = Depth.STRUCTURE,
    percent: Annotated[float, typer.Option("--percent", min=0, max=100, help="Packs read at depth sample.")] = 1.0,
    seed: Annotated[int, typer.Option("--seed", help="Chooses the packs of a sample.")] = 0,
    workers: options.Workers = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    as_json: options.Json = False,
) -> None:
    """Look at backups of a source and name what is damaged and what that touches."""
    tune_garbage_collector()
    started = time.monotonic()
    with options.open_toolbox(region, endpoint, profile) as tools, shown("verify") as progress:
        store = tools.store(repository)
        snapshots = Repository(store)
        names = [name for name in snapshots.backups(source_name) if not user or name.user in user]
        if not names:
            raise BackupNotFoundError(f"source {source_name!r} has no backup")
        with Verifier(store, workers=workers or cores(), progress=progress) as verifier:
            report = verifier.verify(names, depth, percent=percent, seed=seed)
    seconds = time.monotonic() - started
    if as_json:
        show_json(_document(report, seconds))
    else:
        _show(report, seconds)
    raise typer.Exit(CorruptionError.exit_status if report.damages else 0)


def _document(report: VerifyReport, seconds: float) -> dict[str, Any]:
    return {
        "seconds": round(seconds, 3),
        "backups": report.backups,
        "files": report.files,
        "packs": report.packs,
        "packs_read": report.packs_read,
        "bytes_read": report.bytes_read,
        "orphans": report.orphans,
        "damages": [_damage(damage) for damage in report.damages],
    }


def _damage(damage: Damage) -> dict[str, Any]:
    return {
        "code": damage.code,
        "name": damage.name,
        "detail": damage.detail,
        "pack": damage.pack,
        "chunk": damage.chunk.hex() if damage.chunk else None,
        "file_count": damage.file_count,
        "files": damage.files,
        "backups": [f"{name.user}/{name.backup_id}" for name in damage.backups],
    }


def _show(report: VerifyReport, seconds: float) -> None:
    show_facts(
        "verified",
        [
            ("backups", f"{report.backups:,}"),
            ("files", f"{report.files:,}"),
            ("packs", f"{report.packs:,}"),
            ("packs read whole", f"{report.packs_read:,}"),
            ("bytes read", size(report.bytes_read)),
            ("orphan packs", f"{report.orphans:,}"),
            ("damages", f"{len(report.damages):,}"),
            ("seconds", f"{seconds:.1f}"),
            ("rate", rate(report.bytes_read, seconds)),
        ],
    )
    for damage in report.damages:
        typer.echo(f"{damage.code}: {damage.name}: {damage.detail}", err=True)
        typer.echo(f"  touches {damage.file_count:,} files in {len(damage.backups):,} backups", err=True)
        for key in damage.files[:10]:
            typer.echo(f"    {key}", err=True)
