"""Names and ARNs: known beforehand, within AWS's limits, never the same for two things."""

from __future__ import annotations

import re

import pytest

from components.settings import Names, load
from components.settings.names import BUCKETS
from components.settings.regions import REGIONS
from components.settings.values import is_bucket_name
from functions.contract.environment import ENVIRONMENTS
from tests.settings.kit import DEV, PROD, config

LONGEST = "abcdefghijkl"
NAMES = Names(load(PROD))


def test_names_say_whose_they_are() -> None:
    """Project, environment, what; buckets also account and region."""
    assert NAMES.stack == "strongroom-prod"
    assert NAMES.bucket("primary") == "strongroom-prod-primary-123456789012-us-east-1"
    assert NAMES.bucket("replica", "us-west-2") == "strongroom-prod-replica-123456789012-us-west-2"
    assert NAMES.function("restore_worker") == "strongroom-prod-restore-worker"
    assert (NAMES.table("runs"), NAMES.queue("jobs"), NAMES.topic()) == (
        "strongroom-prod-runs",
        "strongroom-prod-jobs",
        "strongroom-prod-notices",
    )
    assert NAMES.key_alias("primary") == "alias/strongroom-prod-primary"


def test_arns_are_those_of_aws() -> None:
    """Service Authorization Reference, "Resource types"."""
    assert NAMES.bucket_arn("trail") == "arn:aws:s3:::strongroom-prod-trail-123456789012-us-east-1"
    assert NAMES.trail_arn() == "arn:aws:cloudtrail:us-east-1:123456789012:trail/strongroom-prod-trail"


def test_other_partitions_have_arns_of_their_own() -> None:
    """`arn:aws-cn` in China."""
    names = Names(load(config(region="cn-north-1", replica={"region": "cn-northwest-1"})))
    assert names.bucket_arn("primary").startswith("arn:aws-cn:s3:::")


@pytest.mark.parametrize("region", REGIONS)
def test_the_longest_names_fit(region: str) -> None:
    """Bucket 63, function 64 characters (Amazon S3 and AWS Lambda naming rules)."""
    names = Names(load(config(environment=LONGEST, region=region, replica={})))
    assert all(is_bucket_name(names.bucket(kind)) for kind in BUCKETS)
    assert all(len(names.function(function)) <= 64 for function in ENVIRONMENTS)


def test_no_two_stacks_share_a_name() -> None:
    """Neither environments, nor accounts, nor regions of one."""
    stacks = [
        Names(load(configuration))
        for configuration in (
            DEV,
            DEV | {"environment": "dev-2"},
            DEV | {"accountId": "210987654321"},
            DEV | {"region": "eu-west-1"},
        )
    ]
    buckets = [bucket for names in stacks for bucket in names.buckets() if not re.search(r"us-west-2$", bucket)]
    assert len(buckets) == len(set(buckets)) == 4 * len(BUCKETS)
