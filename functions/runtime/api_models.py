"""What all requests and answers of the API are made of. The one source of what is checked and of what is documented."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, WithJsonSchema

from functions.contract.api_paths import ROOT_NAME
from functions.contract.object_keys import ROOT_USER, encode_name
from functions.engine.backup import rfc3339
from functions.runtime.api_errors import InputError, UnknownError

DEFAULT_ITEMS: Final = 50
MOST_ITEMS: Final = 200
_NAME_BYTES: Final = 900
"""Of a user's name as it stands in keys: those have 1,024 bytes (Amazon S3 User Guide, "Naming Amazon S3 objects")."""
_PROBLEMS: Final = 10
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.IGNORECASE,
)
_LEAP_SECOND: Final = "60"
FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before anything of ours; earlier times mean the same."""


def read_moment(value: object) -> datetime:
    """Read a time of RFC 3339, to the second. What lies before FIRST is FIRST."""
    if isinstance(value, datetime):
        return value
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a time such as 2026-11-20T02:00:00Z")
    year, month, day, hour, minute, second, _, zone = match.groups()
    second = "59" if second == _LEAP_SECOND else second
    known = max(int(year), 1)
    try:
        moment = datetime.fromisoformat(f"{known:04d}-{month}-{day}T{hour}:{minute}:{second}{zone.upper()}")
    except ValueError as error:
        raise ValueError("is no time of the calendar") from error
    try:
        return max(moment.astimezone(UTC), FIRST)
    except OverflowError:
        return max(moment.replace(tzinfo=UTC), FIRST)


Moment: TypeAlias = Annotated[
    datetime,
    BeforeValidator(read_moment),
    PlainSerializer(rfc3339),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
BackupId: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$",
        description="Of a backup, or of a run.",
        examples=["20261120T020000Z-1f3a9c20"],
    ),
]
ClientToken: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Chosen by the caller. Sent again with the same token, a request is done once.",
        examples=["monday-1"],
    ),
]
UserName: TypeAlias = Annotated[
    str,
    Field(
        min_length=1,
        max_length=_NAME_BYTES,
        pattern=r"^[^/]+$",
        description=f"A first-level folder of the source, percent-encoded; `{ROOT_NAME}` for what lies in none.",
        examples=["alice"],
    ),
]
SourceName: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$",
        description="As the stack's settings have it.",
        examples=["reports"],
    ),
]
Cursor: TypeAlias = Annotated[
    str, Field(max_length=2_048, description="Where to go on: `next_cursor` of the page before, and nothing else.")
]


class Model(BaseModel):
    """Strict: nothing unknown is taken, and nothing is turned into something else."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Nothing(Model):
    """Where a path, a query or a body has nothing to say."""


class UserPath(Model):
    """Whose backups, and of which source."""

    user: UserName
    source: SourceName

    @property
    def name(self) -> str:
        """The user's plain name. UnknownError for what cannot be one."""
        name = ROOT_USER if self.user == ROOT_NAME else self.user
        if len(encode_name(name)) > _NAME_BYTES:
            raise UnknownError("no user's name is that long")
        return name


class PageQuery(Model):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=MOST_ITEMS, description="How many at most.")] = DEFAULT_ITEMS
    cursor: Cursor | None = None


class Problem(Model):
    """Why a request was not done."""

    code: Annotated[str, Field(description="Stable: programs may compare it.", examples=["INPUT_INVALID"])]
    message: Annotated[str, Field(description="What happened.")]
    remedy: Annotated[str, Field(description="What to do next.")]
    request_id: Annotated[str, Field(description="By which the operators find the request in the log.")]


class Refusal(Model):
    """The answer to a request that was not done."""

    error: Problem


def input_error(where: str, error: ValidationError) -> InputError:
    """Name every place of a path, a query or a body that is wrong, and what is allowed there."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{_place(where, problem['loc'])}: {problem['msg']}" for problem in found[:_PROBLEMS]]
    more = f"; and {len(found) - _PROBLEMS} more" if len(found) > _PROBLEMS else ""
    return InputError("; ".join(told) + more)


def _place(where: str, steps: Sequence[Any]) -> str:
    """Give where something stands; names that the caller made up are cut short."""
    return ".".join([where, *(str(step)[:60] for step in steps)])
