"""What a stack says of itself, read from a saved file: `pulumi stack output --json`. See `components/exports.py`.

The file is all that is needed of a lost region, so it is kept elsewhere: no Pulumi backend is asked, unless a command
is told to by `--stack`, in the program's folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli import options
from cli.pulumi_program import ask_stack
from cli.render import note
from functions.engine.errors import ConfigurationError

_HINT = "pulumi stack output --json > FILE"
_PREFIX = "strongroom-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The second region."""

    bucket: str
    region: str
    key_arn: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOutputs:
    """Outputs that the tool uses. What the stack does not have, or an older one does not say, is None or empty."""

    stack: str
    """Name of the stack without `strongroom-`: its environment."""
    account_id: str | None
    region: str | None
    repository: str | None
    logs: str | None
    copy: Copy | None
    promoted_from: str | None
    """Name of the stack whose replica this one has taken over, without `strongroom-`."""
    backfill_role: str | None
    tables: Mapping[str, str] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)
    dead_letters: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    """All of them, as they were read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where backups are read: a bucket, its region, and the tables there, by purpose, as far as they were named."""

    bucket: str
    region: str
    tables: Mapping[str, str] = field(default_factory=dict)


def read_file(path: Path) -> StackOutputs:
    """Read a file of outputs. ConfigurationError when it cannot be used."""
    return parse_outputs(read_text(path, "--outputs"))


def read_said(outputs: Path | None, stack: str | None, program: Path | None) -> StackOutputs | None:
    """Give the outputs of a file, or of a stack that Pulumi is asked for in the folder `program`; None without either.

    ConfigurationError when both were named, or they cannot be used.
    """
    options.not_without("--program", program, "--stack", given=stack is not None)
    if stack is None:
        return read_file(outputs) if outputs is not None else None
    options.one_of(outputs=outputs, stack=stack)
    return parse_outputs(ask_stack(stack, program or Path()))


def parse_outputs(text: str) -> StackOutputs:
    """Read the outputs of a stack. ConfigurationError when they are none."""
    try:
        outputs: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"--outputs is no JSON: {error}", hint=_HINT) from error
    if not isinstance(outputs, dict) or "BackupBucketName" not in outputs:
        raise ConfigurationError("--outputs does not hold the outputs of a Strongroom stack", hint=_HINT)
    tables, promoted = _map(outputs, "Tables"), _name(outputs, "PromotedFrom")
    named = _name(outputs, "Stack") or tables.get("runs", "").removesuffix("-runs")
    return StackOutputs(
        stack=named.removeprefix(_PREFIX),
        account_id=_name(outputs, "AccountId"),
        region=_name(outputs, "Region"),
        repository=_name(outputs, "BackupBucketName"),
        logs=_name(outputs, "AccessLogsBucketName"),
        copy=_copy(outputs),
        promoted_from=promoted.removeprefix(_PREFIX) if promoted else None,
        backfill_role=_name(outputs, "BackfillRoleArn"),
        tables=tables,
        queues=_map(outputs, "Queues"),
        dead_letters=_map(outputs, "DeadLetterQueues"),
        functions=_map(outputs, "Functions"),
        document=outputs,
    )


def find_place(
    repository: str | None,
    region: str,
    outputs: Path | None,
    *,
    replica: bool,
    stack: str | None = None,
    program: Path | None = None,
) -> Place:
    """Give where to read: what was named, or what the outputs say, of the first region or of the second.

    The outputs are those of a file, or of `stack`, asked by Pulumi in the folder `program`. ConfigurationError when
    none or more than one was named, or the stack does not have it.
    """
    asked = {"stack": stack} if stack is not None else {}
    options.one_of(repository=repository, outputs=outputs, **asked)
    said = read_said(outputs, stack, program)
    if said is None:
        options.not_without("--replica", replica or None, "--outputs", given=False)
        return Place(options.bucket_name(repository or "", "--repository"), region)
    place = place_of(said, replica=replica)
    if region not in {place.region, options.DEFAULT_REGION}:
        note(f"region {region} is not used: the outputs name {place.region}")
    return place


def place_of(said: StackOutputs, *, replica: bool) -> Place:
    """Give the repository of a stack, or its replica, with the tables there. ConfigurationError when it has none."""
    if replica:
        if said.copy is None:
            raise ConfigurationError("--replica: the stack of these outputs has no replica", hint="leave it out")
        return Place(said.copy.bucket, said.copy.region, said.tables)
    if not said.repository or not said.region:
        raise ConfigurationError(
            "--outputs names no bucket or no region", hint="they are of an older version: use --repository and --region"
        )
    return Place(said.repository, said.region, said.tables)


def read_text(path: Path | None, option: str) -> str:
    """Read a file that was named; none is empty. ConfigurationError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8") if path else ""
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{option} cannot be read: {error}", hint="check the path") from error


def _copy(outputs: Mapping[str, Any]) -> Copy | None:
    bucket, region = _name(outputs, "ReplicationBucketName"), _name(outputs, "ReplicationRegion")
    if not bucket or not region:
        return None
    return Copy(bucket=bucket, region=region, key_arn=_name(outputs, "ReplicationKeyArn"))


def _map(outputs: Mapping[str, Any], key: str) -> dict[str, str]:
    found = outputs.get(key) or {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ConfigurationError(f"--outputs: {key} must be an object of names", hint="do not edit the file")
    return dict(sorted(found.items()))


def _name(outputs: Mapping[str, Any], key: str) -> str | None:
    found = outputs.get(key)
    if found is not None and not isinstance(found, str):
        raise ConfigurationError(f"--outputs: {key} must be a name", hint="do not edit the file")
    return found or None
