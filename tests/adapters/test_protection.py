"""How a bucket says that it locks and lets go, and which keys have versions left."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from functions.contract.object_tags import EXPIRED, STATE
from functions.engine.errors import BucketNotFoundError
from functions.engine.retention.erasure_dates import Protection
from functions.runtime.toolbox import Connection, Toolbox
from sandbox.ministack import MiniStack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3 import S3Client

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture
def tools(ministack: MiniStack) -> "Iterator[Toolbox]":
    """The wiring, pointed at the embedded AWS."""
    with Toolbox(Connection(endpoint=ministack.endpoint), KEYS) as made:
        yield made


def rule(days: int, *, status: str = "Enabled", value: str = EXPIRED) -> dict[str, Any]:
    """Give a rule of a lifecycle that deletes what is tagged."""
    return {
        "ID": f"{value}-{days}-{status}",
        "Status": status,
        "Filter": {"Tag": {"Key": STATE, "Value": value}},
        "Expiration": {"Days": 1},
        "NoncurrentVersionExpiration": {"NoncurrentDays": days},
    }


def test_a_bucket_without_anything_protects_nothing(
    tools: Toolbox, s3: "S3Client", make_bucket: Callable[..., str]
) -> None:
    """It has no lock and no lifecycle, which is an answer and no error."""
    assert tools.protection(make_bucket(versioned=True)) == Protection(None, 0, None)
    with pytest.raises(BucketNotFoundError):
        tools.protection("no-such-bucket-anywhere")


@pytest.mark.parametrize(("period", "days"), [({"Days": 30}, 30), ({"Years": 2}, 732)])
def test_the_lock_at_birth_is_read_in_days(
    tools: Toolbox, s3: "S3Client", make_bucket: Callable[..., str], period: dict[str, int], days: int
) -> None:
    """A year is counted as its longest, so no day that is promised is too early."""
    bucket = make_bucket(object_lock=True)
    lock: Any = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", **period}}}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
    assert tools.protection(bucket) == Protection("COMPLIANCE", days, None)


def test_only_the_rule_that_deletes_what_is_let_go_counts(
    tools: Toolbox, s3: "S3Client", make_bucket: Callable[..., str]
) -> None:
    """It must be enabled, and for our tag; of several the longest."""
    bucket = make_bucket(versioned=True)
    rules: Any = [rule(90, status="Disabled"), rule(60, value="other"), rule(14), rule(7)]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert tools.protection(bucket).undelete_days == 14
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules[:2]})
    assert tools.protection(bucket).undelete_days is None


def test_hidden_keys_are_found(tools: Toolbox, s3: "S3Client", make_bucket: Callable[..., str]) -> None:
    """Each once, whatever it is called and however many versions it has."""
    bucket = make_bucket(versioned=True)
    for key in ("a/ü +%", "a/b", "a/b", "b/c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key="a/b")
    assert list(tools.stored_keys(bucket, "a/")) == ["a/b", "a/ü +%"]
    assert list(tools.stored_keys(bucket, "none/")) == []
