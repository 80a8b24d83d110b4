"""`strongroom report`: write a page about a stack."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from cli import options, stack
from cli.render import show_facts, show_json, size
from cli.reporting.page import page
from functions.engine.errors import ConfigurationError


def command(
    output: Annotated[Path, typer.Option("--output", help="File to write; one that exists is replaced.")],
    outputs: stack.Outputs = None,
    stack_name: stack.StackName = None,
    repository: stack.MaybeRepository = None,
    runs_table: stack.RunsTable = None,
    backups_table: stack.BackupsTable = None,
    users_table: stack.UsersTable = None,
    drills_table: stack.DrillsTable = None,
    queue: stack.Queues = None,
    dead_letter_queue: stack.DeadLetters = None,
    graph: stack.GraphFile = None,
    days: stack.Days = stack.DAYS,
    program: stack.Program = None,
    region: options.Region = options.DEFAULT_REGION,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    as_json: options.Json = False,
) -> None:
    """Write one HTML file with what `status` shows, with pictures; it needs no network and no script."""
    given = stack.Given(
        outputs=outputs,
        stack=stack_name,
        repository=repository,
        runs_table=runs_table,
        backups_table=backups_table,
        users_table=users_table,
        drills_table=drills_table,
        queues=queue,
        dead_letters=dead_letter_queue,
        graph=graph,
        days=days,
        program=program,
    )
    summary = stack.look(given, region, endpoint, profile)
    written = write_page(output, page(summary))
    if as_json:
        missing = {name: part.reason for name, part in summary.missing}
        show_json({"page": str(output), "bytes": written, "missing": missing})
    else:
        show_facts("written", [("page", str(output)), ("size", size(written))])
    if open_page:
        webbrowser.open(output.resolve().as_uri())
    raise typer.Exit(stack.exit_status(summary))


def write_page(path: Path, text: str, option: str = "--output") -> int:
    """Write a file whole or not at all; give its bytes. ConfigurationError when it cannot be written."""
    data = text.encode()
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            scratch.write_bytes(data)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{option} cannot be written: {error}", hint="name another file") from error
    return len(data)
