"""`strongroom replicate-existing`: copy to the replica what was in the repository before there was one."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli import options
from cli.outputs import StackOutputs, place_of, read_file
from cli.render import note, show_facts, show_json, show_line
from cli.statuses import DONE, PARTIAL
from functions.engine.errors import ConfigurationError
from functions.runtime.batch_replication import BatchReplication, Job, Wish
from functions.runtime.toolbox import random_hex

_JOB = re.compile(r"[a-zA-Z0-9_-]{5,36}")
_TOKEN_BYTES = 16

Outputs = Annotated[
    Path, typer.Option("--outputs", help="File with the stack's outputs: `pulumi stack output --json`.")
]
Status = Annotated[str | None, typer.Option("--status", help="Id of a job: only say how far it is.")]
Replicas = Annotated[
    bool,
    typer.Option("--replicas", help="Also what is a replica itself: for a stack that has taken one over (promote)."),
]


def command(
    outputs: Outputs,
    status: Status = None,
    endpoint: options.Endpoint = None,
    profile: options.Profile = None,
    *,
    replicas: Replicas = False,
    as_json: options.Json = False,
) -> None:
    """Make a job of S3 Batch Replication for the stack's repository, unless one is under way, and say how far it is."""
    if status is not None and not _JOB.fullmatch(status):
        raise ConfigurationError(f"--status is {status!r}, must be the id of a job")
    said = read_file(outputs)
    place = place_of(said, replica=False)
    account_id = _needed(said.account_id, "AccountId")
    with options.open_toolbox(place.region, endpoint, profile) as tools:
        jobs = BatchReplication(tools.cloud().s3_control)
        job_id = status or _begin(jobs, _wish(said, place.bucket, account_id, replicas=replicas))
        job = jobs.look(account_id, job_id)
    if as_json:
        show_json({"bucket": place.bucket, **asdict(job)})
    else:
        _show(job, place.bucket)
    raise typer.Exit(PARTIAL if job.failed or job.reasons else DONE)


def _wish(said: StackOutputs, bucket: str, account_id: str, *, replicas: bool) -> Wish:
    if said.copy is None:
        raise ConfigurationError("the stack has no replica to copy to", hint="set strongroom:replica and deploy")
    hint = "set strongroom:replica.backfill to true, deploy, and save the outputs again"
    role = _needed(said.backfill_role, "BackfillRoleArn", hint)
    return Wish(
        account_id=account_id,
        bucket=bucket,
        role_arn=role,
        report_bucket=_needed(said.logs, "AccessLogsBucketName"),
        partition=role.split(":")[1],
        replicas=replicas,
    )


def _begin(jobs: BatchReplication, wish: Wish) -> str:
    """Give the id of the job that does it: one that is under way already, or a new one."""
    known = jobs.under_way(wish)
    if known is not None:
        note(f"job {known} is under way already; no other was made")
    return known or jobs.create(wish, random_hex(_TOKEN_BYTES))


def _needed(value: str | None, name: str, hint: str = "save the outputs of the stack again") -> str:
    if value is None:
        raise ConfigurationError(f"--outputs says no {name}", hint=hint)
    return value


def _show(job: Job, bucket: str) -> None:
    show_facts(
        f"replication of what is in {bucket}",
        [
            ("job", job.id),
            ("status", job.status),
            ("objects", f"{job.total:,}"),
            ("copied", f"{job.succeeded:,}"),
            ("failed", f"{job.failed:,}"),
        ],
    )
    for reason in job.reasons:
        note(reason)
    show_line(f"how far it is: strongroom replicate-existing --outputs FILE --status {job.id}")
