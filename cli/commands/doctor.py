"""`strongroom doctor`: look at a whole stack from outside, and say what is wrong and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from cli import asking, options
from cli.doctor.examine import Sight, checks_of, examine
from cli.doctor.expected import Expected
from cli.doctor.facts import Identity
from cli.doctor.finding import Finding, Level
from cli.doctor.reading import Reader
from cli.outputs import parse_outputs, read_file
from cli.progress import Goal, shown
from cli.pulumi_program import ask_stack
from cli.render import show_json, show_lines
from cli.stack_file import read_stack
from cli.statuses import DONE, PARTIAL, TROUBLE
from functions.engine.errors import ConfigurationError, WrongAccountError
from functions.runtime.stack_reading import StackReader
from functions.runtime.toolbox import now

Stack = Annotated[
    str | None, typer.Option("--stack", help="Stack that Pulumi is asked for its outputs, instead of --outputs.")
]
Program = Annotated[
    Path | None,
    typer.Option("--program", help="Folder of Pulumi.<stack>.yaml: what is there is compared with its settings."),
]


def command(
    outputs: options.Outputs = None,
    stack: Stack = None,
    program: Program = None,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    as_json: options.Json = False,
) -> None:
    """Look at rights, keys, buckets, tables, functions, schedules, alarms, queues, quotas, people, copy and backups.

    Nothing is changed. Ends with 0 when all is well, with 10 when something is wrong, and with 9 when nothing is, as
    far as it may be seen.
    """
    expected = _expected(outputs, stack, program)
    with ExitStack() as opened:
        sight = _sight(opened, expected, endpoint, profile)
        with shown("doctor", says=lambda counter, _seconds: f"{counter.files:,} checks") as progress:
            count = len([*checks_of(sight)])
            progress.goal = Goal(files=count)
            found = examine(sight, lambda: progress.advance(files=1))
    if as_json:
        show_json(
            {
                "stack": expected.stack,
                "account": sight.who.account,
                "caller": sight.who.arn,
                "checks": count,
                "findings": [finding.document() for finding in found],
            }
        )
    else:
        show_lines(_lines(expected, sight.who, count, found))
    raise typer.Exit(_status(found))


def _expected(outputs: Path | None, stack: str | None, program: Path | None) -> Expected:
    options.one_of(outputs=outputs, stack=stack)
    said = read_file(outputs) if outputs else parse_outputs(ask_stack(stack or "", program or Path()))
    folder = program or (Path() if stack is not None else None)
    settings = read_stack(folder, stack or said.stack) if folder is not None else None
    expected = Expected(said, settings)
    if settings is not None and said.account_id not in {None, settings.account_id}:
        raise ConfigurationError(
            f"the outputs are of account {said.account_id}, the settings of {settings.account_id}",
            hint="name the outputs and the file of the same stack",
        )
    return expected


def _sight(opened: ExitStack, expected: Expected, endpoint: str | None, profile: str | None) -> Sight:
    """Open both regions. Raises what keeps everything from being seen: no network, no credentials, another account."""
    said = expected.said
    tools = opened.enter_context(options.open_toolbox(asking.region_of(said), endpoint, profile))
    cloud = tools.cloud()
    here = Reader(cloud)
    who = here.identity()
    if said.account_id not in {None, who.account}:
        raise WrongAccountError(f"{who.arn} is of account {who.account}, the stack is in {said.account_id}")
    there = opened.enter_context(options.open_toolbox(said.copy.region, endpoint, profile)) if said.copy else None
    return Sight(
        expected=expected,
        here=here,
        there=Reader(there.cloud()) if there else None,
        stack=StackReader(cloud),
        replica=there.store(said.copy.bucket) if there and said.copy else None,
        who=who,
        now=now(),
    )


def _status(found: Sequence[Finding]) -> int:
    levels = {finding.level for finding in found}
    if levels & {Level.ERROR, Level.WARNING}:
        return TROUBLE
    return PARTIAL if Level.UNSEEN in levels else DONE


def _lines(expected: Expected, who: Identity, count: int, found: Sequence[Finding]) -> Iterator[str]:
    yield f"{expected.stack} in {expected.said.region}, account {who.account}, seen by {who.arn}"
    for finding in found:
        yield ""
        yield f"{finding.level:8} {finding.check}: {finding.where}"
        yield f"         {finding.what}"
        yield f"         -> {finding.remedy}"
    levels = Counter(finding.level for finding in found)
    counts = ", ".join(f"{levels[level]:,} {_NAMES[level]}" for level in Level if levels[level])
    yield ""
    yield f"{count:,} checks: {counts or 'all is well'}"


_NAMES = {Level.ERROR: "errors", Level.WARNING: "warnings", Level.UNSEEN: "not seen", Level.NOTE: "notes"}
