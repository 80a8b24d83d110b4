"""Options that several commands take, and what they become. Every value is checked before anything is sent."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

import typer

from cli import interrupts
from functions.contract.object_keys import is_backup_id
from functions.engine.errors import ConfigurationError
from functions.runtime.toolbox import Connection, Toolbox, now

Repository: TypeAlias = Annotated[
    str, typer.Option("--repository", envvar="STRONGROOM_REPOSITORY", help="Bucket that holds the backups.")
]
MaybeRepository: TypeAlias = Annotated[
    str | None, typer.Option("--repository", envvar="STRONGROOM_REPOSITORY", help="Bucket that holds the backups.")
]
Outputs: TypeAlias = Annotated[
    Path | None, typer.Option("--outputs", help="File with the stack's outputs: `pulumi stack output --json`.")
]
Stack: TypeAlias = Annotated[
    str | None, typer.Option("--stack", help="Stack that Pulumi is asked for its outputs, instead of --outputs.")
]
Program: TypeAlias = Annotated[
    Path | None, typer.Option("--program", help="Folder of the program, for --stack. Default: the present one.")
]
Replica: TypeAlias = Annotated[
    bool, typer.Option("--replica", help="Read the second region's copy, as --outputs names it; nothing of the first.")
]
SourceName: TypeAlias = Annotated[str, typer.Option("--source-name", help="Name of the source in the repository.")]
AnySource: TypeAlias = Annotated[
    str | None, typer.Option("--source-name", help="Name of the source in the repository. Default: every source.")
]
Users: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--user", help="A user: a first-level folder of the source. Repeat for more. Default: every user."),
]
ChosenUsers: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--user", help="A user: a first-level folder of the source. Repeat for more."),
]
User: TypeAlias = Annotated[str, typer.Option("--user", help="The user: a first-level folder of the source.")]
OnlySource: TypeAlias = Annotated[
    str | None, typer.Option("--source-name", help="Name of the source in the repository. Default: the only one.")
]
BackupId: TypeAlias = Annotated[str | None, typer.Option("--backup", help="Id of the backup. Default: the newest.")]
AsOf: TypeAlias = Annotated[
    str | None, typer.Option("--as-of", help="The newest backup at this time: ISO 8601, or 30d or 12h ago.")
]
AllUsers: TypeAlias = Annotated[bool, typer.Option("--all-users", help="Every user of the source.")]
CatalogDays: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--retention-days",
        min=1,
        max=36_500,
        help="Days after which the catalog forgets a backup. Default: as the newest collection's rules say, or 65.",
    ),
]
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

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")
_AGO = re.compile(r"(\d{1,5})([dh])")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)
_STEPS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


def open_toolbox(region: str, endpoint: str | None, profile: str | None) -> Toolbox:
    """Give the wiring for a connection. Raises ConfigurationError for a region or an endpoint that is none."""
    if not _REGION.fullmatch(region):
        raise ConfigurationError(f"--region is {region!r}, must be a region's name, e.g. eu-central-1")
    tools = Toolbox(Connection(region, _endpoint(endpoint), profile), os.environ)
    interrupts.on_interrupt(tools.close)
    return tools


def _endpoint(endpoint: str | None) -> str | None:
    if not endpoint:
        return None
    problem = ConfigurationError(f"--endpoint is {endpoint!r}, must be a URL, e.g. http://127.0.0.1:4566")
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise problem from None
    if not usable or parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise problem
    return f"{parts.scheme}://{parts.netloc}"


def bucket_name(text: str, option: str) -> str:
    """Give the bucket that `bucket` or `s3://bucket` names."""
    bucket = text.removeprefix("s3://").removesuffix("/")
    if not _BUCKET.fullmatch(bucket):
        raise ConfigurationError(f"{option} is {text!r}, must be a bucket's name, e.g. my-backups")
    return bucket


def split_source(source: str) -> tuple[str, str]:
    """Give bucket and prefix of `bucket`, `bucket/prefix/` or `s3://bucket/prefix/`."""
    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise ConfigurationError(f"--source is {source!r}, must name a bucket, e.g. my-bucket or my-bucket/clients/")
    return bucket, prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def named_users(users: list[str] | None) -> list[str]:
    """Give the users that were named, each once; none means all.

    A user is the name of one folder, so it holds no `/`; the user `/` is the folder without a name, and the user
    without a name owns what lies in no folder.
    """
    for user in users or []:
        if "/" in user and user != "/":
            raise ConfigurationError(
                f"--user is {user!r}, must be a first-level folder of the source, without '/'",
                hint=f"e.g. --user {user.strip('/').partition('/')[0]}; files below it are chosen with --pattern",
            )
    return list(dict.fromkeys(users or []))


def chosen_users(users: list[str] | None, *, all_users: bool) -> list[str]:
    """Give the users that were named; none means all, which must be said."""
    if all_users == bool(users):
        raise ConfigurationError("name either --user or --all-users", hint="e.g. --user alice --user bob")
    return named_users(users)


def one_of(**values: object) -> None:
    """Raise ConfigurationError unless exactly one of the options has a value."""
    if sum(value is not None for value in values.values()) != 1:
        names = [f"--{name.replace('_', '-')}" for name in values]
        raise ConfigurationError(f"name either {' or '.join(names)}", hint="exactly one of them")


def not_without(option: str, value: object, needed: str, *, given: bool) -> None:
    """Raise ConfigurationError for an option that would be ignored, because `needed` was not `given`."""
    if value is not None and not given:
        raise ConfigurationError(f"{option} has no effect without {needed}", hint="leave it out, or say both")


def parse_time(text: str | None, option: str) -> datetime | None:
    """Give a moment in UTC from ISO 8601 text, or from `30d` or `12h`, ago; text without a zone means UTC."""
    if text is None:
        return None
    try:
        if ago := _AGO.fullmatch(text):
            return now() - timedelta(**{"days" if ago[2] == "d" else "hours": int(ago[1])})
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(f"{option} is {text!r}, must be a time, e.g. 2026-11-20T02:00:00Z") from None


def one_moment(backup_id: str | None, as_of: str | None) -> datetime | None:
    """Give the time that was asked for; ConfigurationError for a backup's id beside it, or one that is none."""
    if parse_backup_id(backup_id) is not None:
        one_of(backup=backup_id, as_of=as_of)
    return parse_time(as_of, "--as-of")


def parse_size(text: str | None, option: str) -> int | None:
    """Give bytes from `10MB`, `1.5 GB` or `4096`."""
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ConfigurationError(f"{option} is {text!r}, must be a size, e.g. 10MB")
    return round(float(found[1]) * _STEPS[found[2].upper()])


def parse_backup_id(text: str | None, option: str = "--backup") -> str | None:
    """Give the backup id, or raise ConfigurationError for what cannot be one."""
    if text is not None and not is_backup_id(text):
        raise ConfigurationError(
            f"{option} is {text!r}, must be a backup's id, e.g. 20261120T020000Z-1f3a9c20",
            hint="`strongroom backups` lists them",
        )
    return text
