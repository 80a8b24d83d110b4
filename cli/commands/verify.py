"""`strongroom verify`: prove that backups can be restored."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, NamedTuple

import typer

from cli import options
from cli.lookup import find_backups
from cli.outputs import find_place
from cli.progress import shown
from cli.render import note, rate, show_facts, show_json, size
from cli.statuses import DAMAGE, DONE
from functions.engine.ports import Progress
from functions.engine.verify import Survey, Verifier, survey
from functions.engine.verify_report import WHOLE, Damage, Depth, Share, VerifyReport, merge_reports
from functions.runtime.fleet import Fleet, Member, processes_for
from functions.runtime.toolbox import Toolbox, cores, tune_process

_FILES_SHOWN = 10
_PERCENT = 1.0


class _Sample(NamedTuple):
    """What to read."""

    depth: Depth
    percent: float
    seed: int


def command(
    repository: options.MaybeRepository = None,
    outputs: options.Outputs = None,
    source_name: options.AnySource = None,
    user: options.Users = None,
    depth: Annotated[Depth, typer.Option("--depth", help="How far to look.")] = Depth.STRUCTURE,
    percent: Annotated[
        float | None, typer.Option("--percent", min=0, max=100, help="Packs read at depth sample. Default: 1.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Chooses the packs of a sample. Default: 0.")] = None,
    workers: options.Workers = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    replica: options.Replica = False,
    as_json: options.Json = False,
) -> None:
    """Look at backups, name what is damaged and what that touches."""
    place = find_place(repository, region, outputs, replica=replica)
    users = options.named_users(user)
    sampled = depth is Depth.SAMPLE
    options.not_without("--percent", percent, "--depth sample", given=sampled)
    options.not_without("--seed", seed, "--depth sample", given=sampled)
    options.not_without("--user", users or None, "--source-name", given=source_name is not None)
    tune_process()
    started = time.monotonic()
    connect = partial(options.open_toolbox, place.region, endpoint, profile)
    with connect() as tools:
        store = tools.store(place.bucket)
        found = survey(store, find_backups(store, source_name, users))
    sample = _Sample(depth, _PERCENT if percent is None else percent, seed or 0)
    report = _verify(connect, place.bucket, found, sample, workers or cores())
    seconds = time.monotonic() - started
    if as_json:
        show_json(_document(report, seconds))
    else:
        _show(report, seconds)
    raise typer.Exit(DAMAGE if report.damages else DONE)


def _verify(connect: Callable[[], Toolbox], home: str, found: Survey, sample: _Sample, workers: int) -> VerifyReport:
    """Verify in one process, or in one a core when there is enough to do for all."""
    count = processes_for(max(len(found.records), len(found.present)), workers, cores())

    def part(progress: Progress, share: Share, threads: int) -> VerifyReport:
        with connect() as tools, Verifier(tools.store(home), workers=threads, progress=progress) as verifier:
            return verifier.verify_surveyed(found, sample.depth, percent=sample.percent, seed=sample.seed, share=share)

    if count == 1:
        with shown("verify") as progress:
            return part(progress, WHOLE, workers)

    def member_part(member: Member) -> VerifyReport:
        return part(member.progress, Share(member.number, count, member.turns), 1)

    fleet = Fleet(count, len(found.present), member_part)
    with shown("verify") as progress:
        return merge_reports(fleet.join(progress))


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
        note(f"{damage.code}: {damage.name}: {damage.detail}")
        note(f"  touches {damage.file_count:,} files in {len(damage.backups):,} backups")
        for key in damage.files[:_FILES_SHOWN]:
            note(f"    {key}")
