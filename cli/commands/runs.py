"""`strongroom runs`: list runs, or show one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import options, stack
from cli.outputs import read_said
from cli.render import note, show_facts, show_json, show_lines, show_table, size
from cli.reporting.charts import duration_text
from cli.run_list import RunLine, from_commits, from_ledger
from functions.engine.errors import ConfigurationError, NotFoundError
from functions.runtime.stack_reading import RunStory, StackReader, committed
from functions.runtime.toolbox import Toolbox, now

_SHOWN = 100

RunId = Annotated[str | None, typer.Argument(help="Id of a run: show this one, with its users. Default: list them.")]


@dataclass(frozen=True, slots=True)
class _Names:
    """Where runs are read."""

    region: str
    repository: str | None
    runs: str | None
    backups: str | None


def command(
    run_id: RunId = None,
    outputs: options.Outputs = None,
    stack_name: options.Stack = None,
    program: options.Program = None,
    repository: options.MaybeRepository = None,
    runs_table: stack.RunsTable = None,
    backups_table: stack.BackupsTable = None,
    days: stack.Days = stack.DAYS,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    as_json: options.Json = False,
) -> None:
    """List the runs of a stack, newest first, or show one: state, users, bytes, and how long it took.

    Without a table of runs, those that the commit records in --repository tell of: what failed is not among them.
    """
    names = _names(outputs, stack_name, program, _Names(region, repository, runs_table, backups_table))
    with options.open_toolbox(names.region, endpoint, profile) as tools:
        if run_id is not None and names.runs is not None:
            _show_story(*_story(tools, names, names.runs, run_id), as_json=as_json)
            return
        since = now() - timedelta(days=days)
        lines = [line for line in _lines(tools, names, since) if run_id in {None, line.id}]
    if run_id is not None and not lines:
        raise NotFoundError(f"there is no run {run_id} in the last {days} days", hint="`strongroom runs` lists them")
    _show(lines, days, as_json=as_json)


def _names(outputs: Path | None, stack_name: str | None, program: Path | None, given: _Names) -> _Names:
    """Give what was named; whatever that is goes before what the outputs say."""
    said = read_said(outputs, stack_name, program)
    bucket = options.bucket_name(given.repository, "--repository") if given.repository else None
    if said is not None:
        runs, backups = given.runs or said.tables.get("runs"), given.backups or said.tables.get("backups")
        return _Names(said.region or given.region, bucket or said.repository, runs, backups)
    if bucket is None and given.runs is None:
        raise ConfigurationError("nothing was named to look at", hint="--outputs FILE, --stack NAME or --repository")
    return _Names(given.region, bucket, given.runs, given.backups)


def _lines(tools: Toolbox, names: _Names, since: datetime) -> list[RunLine]:
    if names.runs is None:
        return from_commits(committed(tools.store(names.repository or ""), since))
    reader = StackReader(tools.cloud())
    backups = reader.backups(names.backups, since) if names.backups else []
    return from_ledger(reader.runs(names.runs, since), backups, now())


def _story(tools: Toolbox, names: _Names, table: str, run_id: str) -> tuple[RunStory, RunLine]:
    reader = StackReader(tools.cloud())
    story = reader.run(table, run_id)
    backups = reader.backups(names.backups, story.work.started) if names.backups else []
    return story, from_ledger([story.work], backups, now())[0]


def _show(lines: list[RunLine], days: int, *, as_json: bool) -> None:
    if as_json:
        show_json({"days": days, "runs": [_row(line) for line in lines]})
        return
    show_table(
        f"{len(lines):,} runs in {days} days",
        ("run", "source", "type", "by", "state", "users", "failed", "read", "stored", "took"),
        [
            (
                line.id,
                line.source,
                line.type,
                line.trigger,
                line.state,
                f"{line.completed + line.partial:,}" + (f" of {line.users:,}" if line.users is not None else ""),
                f"{line.failed:,}",
                size(line.read),
                size(line.stored),
                _took(line),
            )
            for line in lines
        ],
    )


def _show_story(story: RunStory, line: RunLine, *, as_json: bool) -> None:
    troubles = [outcome for outcome in story.outcomes if not outcome.outcome.startswith("COMPLETED")]
    if as_json:
        users = [outcome._asdict() for outcome in story.outcomes]
        show_json({**_row(line), "facts": dict(story.work.facts), "outcomes": users, "missing": list(story.missing)})
        return
    show_facts(
        f"run {line.id}",
        [
            *((name, str(value)) for name, value in asdict(line).items() if name in {"source", "type", "state"}),
            ("started by", line.trigger),
            ("started", f"{line.started:%Y-%m-%d %H:%M:%S} UTC"),
            ("took", _took(line)),
            ("users", f"{line.users:,}" if line.users is not None else "still counted"),
            ("completed, partial, failed", f"{line.completed:,}, {line.partial:,}, {line.failed:,}"),
            ("not done", f"{len(story.missing):,}"),
            ("read", size(line.read)),
            ("new", size(line.new)),
            ("stored", size(line.stored)),
            *([("error", line.error)] if line.error else []),
        ],
    )
    show_lines(f"{trouble.user or '(no folder)'}: {trouble.outcome}" for trouble in troubles[:_SHOWN])
    show_lines(f"{user or '(no folder)'}: not done" for user in story.missing[:_SHOWN])
    if max(len(troubles), len(story.missing)) > _SHOWN:
        note("... and more; --json names all")


def _took(line: RunLine) -> str:
    return duration_text(line.ended - line.started if line.ended is not None else None)


def _row(line: RunLine) -> dict[str, Any]:
    ended = line.ended.isoformat() if line.ended is not None else None
    seconds = (line.ended - line.started).total_seconds() if line.ended is not None else None
    return {**asdict(line), "started": line.started.isoformat(), "ended": ended, "seconds": seconds}
