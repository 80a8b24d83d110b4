"""What `strongroom recover` says: what to put into the stack's file, and what to do next. Pure."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from cli.outputs import Place

_REPLICA: Final = re.compile(
    r"strongroom-(?P<environment>[a-z0-9-]+)-replica-(?P<account>[0-9]{12})-(?P<region>[a-z0-9-]+)"
)
UNKNOWN_KEY: Final = "the ARN of the replica's key"


class Origin(NamedTuple):
    """The stack that a replica belongs to, by the replica's name."""

    environment: str
    account_id: str


def origin_of(bucket: str) -> Origin | None:
    """Give the stack that a replica belongs to; None for a bucket that no stack has named."""
    found = _REPLICA.fullmatch(bucket)
    return Origin(found["environment"], found["account"]) if found else None


def promotion(environment: str, key_arn: str | None, *, tables: bool) -> dict[str, Any]:
    """Give the setting `promote`."""
    return {"environment": environment, "keyArn": key_arn or UNKNOWN_KEY, "tables": tables}


def as_yaml(setting: dict[str, Any]) -> list[str]:
    """Write the setting as it stands in a stack's file."""
    values = {name: str(value).lower() if isinstance(value, bool) else value for name, value in setting.items()}
    return ["strongroom:promote:", *(f"  {name}: {value}" for name, value in values.items())]


def before(place: Place, sources: tuple[str, ...]) -> list[str]:
    """Give what to do next as long as no stack has taken the replica over."""
    where = f"--repository {place.bucket} --region {place.region}"
    return [
        f"restore: strongroom restore {where} --source-name {sources[0]} --all-users --to-bucket BUCKET",
        "promote: put the setting above into Pulumi.prod-recovery.yaml, schedules.paused to false, then",
        "         pulumi up -s prod-recovery && pulumi stack output --json -s prod-recovery > recovery.json",
        "         strongroom recover --outputs recovery.json",
    ]


AFTER: Final = (
    "run: strongroom run --outputs recovery.json --wait",
    "then: strongroom status --outputs recovery.json",
)
"""What to do next when the stack that has taken over has its tables."""
