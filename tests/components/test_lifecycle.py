"""Lifecycle: what is let go, when, and above all what is not."""

from __future__ import annotations

from typing import Any

import pytest

from components.bucket import Bucket, BucketArgs, Kind
from components.bucket_policy import Lock
from components.lifecycle import ABORT_DAYS, ByAge, ByTag, Lifecycle
from functions.contract.object_tags import EXPIRED, STATE
from functions.engine.errors import ConfigurationError
from tests.components.deployment import KEY, REGION, deploy
from tests.program.kit import ACCOUNT

TAGGED = {"tag": {"key": STATE, "value": EXPIRED}}


def _rules(kind: Kind, lifecycle: Lifecycle) -> dict[str, dict[str, Any]]:
    lock = Lock("GOVERNANCE", 30) if isinstance(lifecycle, ByTag) else None
    args = BucketArgs("test", kind, REGION, ACCOUNT, lifecycle, KEY, lock)
    program = deploy(lambda: Bucket("bucket", args))
    (found,) = program.of("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
    rules = {rule["id"]: rule for rule in found.inputs["rules"]}
    assert {rule["status"] for rule in rules.values()} == {"Enabled"}
    return rules


@pytest.mark.parametrize("kind", ["repository", "replica"])
def test_only_what_is_tagged_as_expired_is_deleted(kind: Kind) -> None:
    """Lifecycle counts from birth: by age it would delete old packs that serve today's backup."""
    rules = _rules(kind, ByTag(14))
    deleting = [
        rule for rule in rules.values() if "days" in rule.get("expiration", {}) or "noncurrentVersionExpiration" in rule
    ]
    assert [rule["filter"] for rule in deleting] == [TAGGED]


def test_what_was_deleted_can_be_brought_back_for_the_days_of_the_settings() -> None:
    """The tag hides an object the next night; its version stays."""
    rule = _rules("repository", ByTag(21))["expired"]
    assert rule["expiration"] == {"days": 1}
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 21}


def test_the_version_that_was_overwritten_or_hidden_is_never_deleted() -> None:
    """Who overwrites good backups cannot have them deleted by waiting."""
    rules = _rules("repository", ByTag(14))
    untagged = [rule for rule in rules.values() if rule["filter"] != TAGGED]
    assert untagged
    assert not any("noncurrentVersionExpiration" in rule for rule in untagged)


@pytest.mark.parametrize(
    ("kind", "lifecycle"),
    [("repository", ByTag(14)), ("replica", ByTag(14)), ("scratch", ByAge(3)), ("trail", ByAge(9))],
)
def test_leavings_are_cleared_everywhere(kind: Kind, lifecycle: Lifecycle) -> None:
    """Markers with nothing behind them and uploads that broke off cost money and serve nobody."""
    rule = _rules(kind, lifecycle)["leavings"]
    assert rule["expiration"] == {"expiredObjectDeleteMarker": True}
    assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": ABORT_DAYS}
    assert rule["filter"] == {"prefix": ""}


def test_logs_and_scratch_go_by_age() -> None:
    """Both versions of them."""
    rule = _rules("trail", ByAge(2_555))["age"]
    assert rule["expiration"] == {"days": 2_555}
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 1}


def test_packs_stay_in_standard_unless_another_class_is_chosen() -> None:
    """Nothing moves."""
    assert not any("transitions" in rule for rule in _rules("repository", ByTag(14)).values())


@pytest.mark.parametrize(
    ("storage_class", "days"), [("GLACIER_IR", 0), ("INTELLIGENT_TIERING", 0), ("STANDARD_IA", 30)]
)
def test_all_packs_move_to_the_chosen_class_as_soon_as_s3_allows(storage_class: str, days: int) -> None:
    """Old is not cold under deduplication: a class is for all packs, and manifests stay."""
    rule = _rules("repository", ByTag(14, storage_class))["tier"]
    assert rule["transitions"] == [{"days": days, "storageClass": storage_class}]
    assert rule["filter"] == {"prefix": "packs/"}


@pytest.mark.parametrize("build", [lambda: ByTag(0), lambda: ByAge(0), lambda: ByAge(30, 0)])
def test_no_days_at_all_are_refused(build: Any) -> None:  # noqa: ANN401 - a function that must raise
    """S3 would refuse them, or leave no way back."""
    with pytest.raises(ConfigurationError, match="1 or more"):
        build()
