"""Options that several commands take, and what they become."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import typer

from functions.engine.errors import ConfigurationError
from functions.runtime.toolbox import Connection, Toolbox

Repository: TypeAlias = Annotated[
    str, typer.Option("--repository", envvar="STRONGROOM_REPOSITORY", help="Bucket that holds the backups.")
]
SourceName: TypeAlias = Annotated[
    str | None,
    typer.Option("--source-name", help="Name of the source in the repository. Default: the source's bucket."),
]
Users: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--user", help="A user: a first-level folder of the source. Repeat for more."),
]
AllUsers: TypeAlias = Annotated[bool, typer.Option("--all-users", help="Every user of the source.")]
Region: TypeAlias = Annotated[
    str, typer.Option("--region", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="Region of the buckets.")
]
Endpoint: TypeAlias = Annotated[
    str | None,
    typer.Option("--endpoint", envvar="AWS_ENDPOINT_URL", help="Another S3 endpoint, such as an emulator."),
]
Profile: TypeAlias = Annotated[str | None, typer.Option("--profile", help="Profile of the AWS configuration.")]
Workers: TypeAlias = Annotated[
    int | None, typer.Option("--workers", min=1, max=64, help="Worker threads. Default: one a core.")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]

DEFAULT_REGION = "us-east-1"


def open_toolbox(region: str, endpoint: str | None, profile: str | None) -> Toolbox:
    """Give the wiring for a connection. Raises ConfigurationError for an endpoint that is none."""
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise ConfigurationError(f"--endpoint is {endpoint!r}, must be a URL, e.g. http://127.0.0.1:4566")
    return Toolbox(Connection(region, endpoint.rstrip("/") if endpoint else None, profile), os.environ)


def split_source(source: str) -> tuple[str, str]:
    """Give bucket and prefix of `bucket`, `bucket/prefix/` or `s3://bucket/prefix/`."""
    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    if not bucket:
        raise ConfigurationError(f"--source is {source!r}, must name a bucket, e.g. my-bucket or my-bucket/clients/")
    return bucket, prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def chosen_users(users: list[str] | None, *, all_users: bool) -> list[str]:
    """Give the users that were named; none means all, which must be said."""
    if all_users == bool(users):
        raise ConfigurationError("name either --user or --all-users", hint="e.g. --user alice --user bob")
    return users or []


def parse_time(text: str | None, option: str) -> datetime | None:
    """Give a moment in UTC from ISO 8601 text; text without a zone means UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{option} is {text!r}, must be a time, e.g. 2026-11-20T02:00:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
