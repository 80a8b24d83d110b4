"""What commands about a whole stack share: its options, its outputs, and one look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from cli import options
from cli.outputs import parse_outputs, read_text
from cli.reporting.gather import NO_GRAPH, NO_SETTINGS, Question, gather
from cli.reporting.graph import Graph, parse_graph
from cli.reporting.model import Missing, Part, StackNames, StackStatus
from cli.reporting.summary import Summary, summarise
from cli.stack_file import read_stack
from cli.statuses import DONE, PARTIAL
from components.settings import Settings
from functions.engine.errors import ConfigurationError
from functions.runtime.stack_reading import StackReader
from functions.runtime.toolbox import now

DAYS = 30

Outputs: TypeAlias = options.Outputs
StackName: TypeAlias = Annotated[str | None, typer.Option("--stack", help="Name to show. Default: from the outputs.")]
MaybeRepository: TypeAlias = options.MaybeRepository
RunsTable: TypeAlias = Annotated[str | None, typer.Option("--runs-table", help="DynamoDB table of the runs.")]
BackupsTable: TypeAlias = Annotated[
    str | None,
    typer.Option("--backups-table", help="DynamoDB table of the catalog. Default: read the commit records."),
]
UsersTable: TypeAlias = Annotated[str | None, typer.Option("--users-table", help="DynamoDB table of the users.")]
DrillsTable: TypeAlias = Annotated[str | None, typer.Option("--drills-table", help="DynamoDB table of the drills.")]
Queues: TypeAlias = Annotated[
    list[str] | None, typer.Option("--queue", help="URL of a queue. Repeat for more; NAME=URL gives it a name.")
]
DeadLetters: TypeAlias = Annotated[
    list[str] | None, typer.Option("--dead-letter-queue", help="URL of a dead-letter queue, as --queue.")
]
GraphFile: TypeAlias = Annotated[
    Path | None, typer.Option("--graph", help="File with the stack's resources: `pulumi stack export`.")
]
Days: TypeAlias = Annotated[int, typer.Option("--days", min=1, max=400, help="Days to look at, today included.")]
Program: TypeAlias = Annotated[
    Path | None, typer.Option("--program", help="Folder of Pulumi.<stack>.yaml, for the forecast of what it costs.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a person named. Whatever is named goes before what the outputs say."""

    outputs: Path | None = None
    stack: str | None = None
    repository: str | None = None
    runs_table: str | None = None
    backups_table: str | None = None
    users_table: str | None = None
    drills_table: str | None = None
    queues: Sequence[str] | None = None
    dead_letters: Sequence[str] | None = None
    graph: Path | None = None
    days: int = DAYS
    program: Path | None = None

    def names(self) -> StackNames:
        """Give what is to be read. ConfigurationError when that is nothing, or the file cannot be used."""
        said = read_outputs(read_text(self.outputs, "--outputs")) if self.outputs else StackNames()
        bucket = options.bucket_name(self.repository, "--repository") if self.repository else said.repository
        found = replace(
            said,
            stack=said.stack if self.stack is None else self.stack,
            repository=bucket,
            runs=self.runs_table or said.runs,
            backups=self.backups_table or said.backups,
            users=self.users_table or said.users,
            drills=self.drills_table or said.drills,
            queues=_urls(self.queues, "--queue") or said.queues,
            dead_letters=_urls(self.dead_letters, "--dead-letter-queue") or said.dead_letters,
        )
        if replace(found, stack="") == StackNames():
            raise ConfigurationError("nothing was named to look at", hint="--outputs FILE, or a bucket, table or queue")
        return found

    def resources(self) -> Part[Graph]:
        """Give the resource graph, if there is one."""
        return parse_graph(read_text(self.graph, "--graph"), str(self.graph)) if self.graph else NO_GRAPH

    def settings(self, stack: str) -> Part[Settings]:
        """Give the settings of the stack, if the program's folder was named."""
        return read_stack(self.program, self.stack or stack) if self.program else NO_SETTINGS


def look(given: Given, region: str, endpoint: str | None, profile: str | None) -> Summary:
    """Look at the stack once. Raises the error of the first part when none could be read."""
    names, graph = given.names(), given.resources()
    settings = given.settings(names.stack)
    with options.open_toolbox(region, endpoint, profile) as tools:
        store = tools.store(names.repository) if names.repository else None
        question = Question(names=names, now=now(), days=given.days, graph=graph, settings=settings)
        status = gather(StackReader(tools.cloud()), store, question)
    errors = [part.error for part in _parts(status) if isinstance(part, Missing) and part.error]
    if errors and all(isinstance(part, Missing) for part in _parts(status)):
        raise errors[0]
    return summarise(status)


def exit_status(summary: Summary) -> int:
    """Say how the look ended: in part, when something that was named could not be read."""
    return PARTIAL if any(part.error for _name, part in summary.missing) else DONE


def read_outputs(text: str) -> StackNames:
    """Read the outputs of a stack; see `components/exports.py`. ConfigurationError when they are none."""
    said = parse_outputs(text)
    tables = said.tables
    return StackNames(
        stack=said.stack,
        repository=said.repository,
        runs=tables.get("runs"),
        backups=tables.get("backups"),
        users=tables.get("users"),
        drills=tables.get("drills"),
        queues=said.queues,
        dead_letters=said.dead_letters,
    )


def _urls(given: Sequence[str] | None, option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, url = text.partition("=")
        if not equals or "://" in name:
            name, url = text.rstrip("/").rpartition("/")[2], text
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"{option} is {text!r}, must be a queue's URL, or NAME=URL")
        found[name] = url
    return found


def _parts(status: StackStatus) -> tuple[object, ...]:
    return (status.users, status.runs, status.backups, status.drills, status.queues, status.held)
