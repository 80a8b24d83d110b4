"""AWS regions, their zones, and the partitions they belong to."""

from __future__ import annotations

from typing import Final

REGIONS: Final = (
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
)
"""Those that the AWS provider knows, but for the partitions that are closed to the public."""

_PARTITIONS: Final = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))
_ZONES: Final = {
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
    "ca-central-1": "abd",
    "cn-north-1": "abd",
    "us-east-1": "abcdf",
    "us-west-1": "ac",
    "us-west-2": "abcd",
}
"""Of regions that do not have exactly a, b and c. `us-east-1e` takes no new functions."""


def zones_of(region: str) -> tuple[str, ...]:
    """Name the availability zones of a region that functions can run in, without asking AWS."""
    return tuple(f"{region}{letter}" for letter in _ZONES.get(region, "abc"))


def partition_of(region: str) -> str:
    """Give the partition, the second part of every ARN. Nothing is replicated from one partition to another."""
    return next((partition for start, partition in _PARTITIONS if region.startswith(start)), "aws")
