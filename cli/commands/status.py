"""`strongroom status`: show how a stack is."""

from __future__ import annotations

import typer

from cli import options, stack
from cli.render import show_json
from cli.reporting.document import document
from cli.reporting.terminal import show_status


def command(
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
    as_json: options.Json = False,
) -> None:
    """Show runs, users by age of their last good backup, storage, queues, drills and cost of a stack."""
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
    if as_json:
        show_json(document(summary))
    else:
        show_status(summary)
    raise typer.Exit(stack.exit_status(summary))
