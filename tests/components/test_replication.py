"""Replication: everything arrives, with its lock and tags, under the other region's key; nothing is deleted by it."""

from __future__ import annotations

from typing import Any

import pytest

from components.refs import BucketRef, KeyRef
from components.replication import RULE, Replication, ReplicationArgs
from tests.components.deployment import KEY, REGION, deploy, policy
from tests.components.policies import Request, decide, wildcards
from tests.program.kit import ACCOUNT, Program

THERE = "eu-west-1"
SOURCE = BucketRef("test-primary", "arn:aws:s3:::test-primary")
REPLICA = BucketRef("test-replica", "arn:aws:s3:::test-replica")
REPLICA_KEY = KeyRef(f"arn:aws:kms:{THERE}:{ACCOUNT}:key/replica")
BUCKET = "kms:EncryptionContext:aws:s3:arn"


def _program(*, preview: bool = False, **changes: Any) -> Program:  # noqa: ANN401 - fields of any type
    args = ReplicationArgs(SOURCE, KEY, REGION, REPLICA, REPLICA_KEY, THERE, ACCOUNT, **changes)
    return deploy(lambda: Replication("replication", args), preview=preview)


def _config(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of any type
    (found,) = _program(**changes).of("aws:s3/bucketReplicationConfig:BucketReplicationConfig")
    return found.inputs


def _rule(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of any type
    (rule,) = _config(**changes)["rules"]
    return dict(rule)


def _role() -> list[dict[str, Any]]:
    (found,) = _program().of("aws:iam/rolePolicy:RolePolicy")
    return policy(found)


def _may(action: str, resource: str, **context: str) -> bool:
    named = {key.replace("__", ":"): value for key, value in context.items()}
    return decide(_role(), Request(action, resource, context=named)) == "allowed"


def test_everything_is_replicated_from_the_region_of_the_source() -> None:
    """No prefix is left out."""
    config = _config()
    assert (config["bucket"], config["region"]) == ("test-primary", REGION)
    rule = _rule()
    assert (rule["id"], rule["status"], rule["filter"]) == (RULE, "Enabled", {"prefix": ""})
    assert rule["destination"]["bucket"] == REPLICA.arn


def test_encrypted_objects_are_replicated_under_the_key_of_the_replica() -> None:
    """Without both settings S3 leaves out every object, and says nothing."""
    rule = _rule()
    assert rule["sourceSelectionCriteria"] == {"sseKmsEncryptedObjects": {"status": "Enabled"}}
    assert rule["destination"]["encryptionConfiguration"] == {"replicaKmsKeyId": REPLICA_KEY.arn}


def test_delete_markers_are_not_replicated() -> None:
    """Who hides backups here does not hide them there."""
    assert _rule()["deleteMarkerReplication"] == {"status": "Disabled"}
    assert "existingObjectReplication" not in _rule()


def test_metrics_are_always_on_and_time_control_is_a_choice() -> None:
    """Metrics are what the alarms watch; a promise of 15 minutes costs more."""
    plain, timed = _rule()["destination"], _rule(time_control=True)["destination"]
    assert plain["metrics"] == {"status": "Enabled"}
    assert "replicationTime" not in plain
    assert timed["metrics"] == {"status": "Enabled", "eventThreshold": {"minutes": 15}}
    assert timed["replicationTime"] == {"status": "Enabled", "time": {"minutes": 15}}


@pytest.mark.parametrize("storage_class", ["STANDARD", "GLACIER_IR"])
def test_copies_have_a_storage_class_of_their_own(storage_class: str) -> None:
    """The second copy may be cheaper."""
    assert _rule(storage_class=storage_class)["destination"]["storageClass"] == storage_class
    assert _rule()["destination"]["storageClass"] == "STANDARD_IA"


def test_the_role_is_of_s3_for_this_bucket_of_this_account() -> None:
    """The confused deputy."""
    (role,) = _program().of("aws:iam/role:Role")
    trust = policy(role, "assumeRolePolicy")
    ours = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": str(SOURCE.arn)}
    other = {**ours, "aws:SourceArn": "arn:aws:s3:::other"}
    assert decide(trust, Request("sts:AssumeRole", principal="s3.amazonaws.com", context=ours)) == "allowed"
    assert decide(trust, Request("sts:AssumeRole", principal="s3.amazonaws.com", context=other)) == "not allowed"
    assert decide(trust, Request("sts:AssumeRole", principal="lambda.amazonaws.com", context=ours)) == "not allowed"


@pytest.mark.parametrize(
    "action",
    ["GetObjectVersionForReplication", "GetObjectVersionTagging", "GetObjectRetention", "GetObjectLegalHold"],
)
def test_the_role_reads_versions_with_their_tags_and_locks(action: str) -> None:
    """Without the last two nothing under Object Lock is copied."""
    assert _may(f"s3:{action}", f"{SOURCE.arn}/packs/00/1")
    assert not _may(f"s3:{action}", "arn:aws:s3:::other/packs/00/1")


def test_the_role_writes_copies_and_tags_there_and_nothing_here() -> None:
    """A tag of an expired object must arrive, or the replica grows for ever."""
    for action in ("s3:ReplicateObject", "s3:ReplicateTags"):
        assert _may(action, f"{REPLICA.arn}/packs/00/1")
        assert not _may(action, f"{SOURCE.arn}/packs/00/1")


@pytest.mark.parametrize("action", ["ReplicateDelete", "DeleteObject", "PutObject", "GetObject", "PutObjectRetention"])
def test_the_role_cannot_delete_nor_put_nor_read_by_itself(action: str) -> None:
    """It only copies."""
    assert not _may(f"s3:{action}", f"{SOURCE.arn}/packs/00/1")
    assert not _may(f"s3:{action}", f"{REPLICA.arn}/packs/00/1")


def test_the_role_decrypts_here_and_encrypts_there_through_s3_only() -> None:
    """With a bucket key the context is the bucket."""
    here = {"kms__ViaService": f"s3.{REGION}.amazonaws.com", BUCKET: str(SOURCE.arn)}
    there = {"kms__ViaService": f"s3.{THERE}.amazonaws.com", BUCKET: str(REPLICA.arn)}
    assert _may("kms:Decrypt", str(KEY.arn), **here)
    assert not _may("kms:Encrypt", str(KEY.arn), **here)
    assert not _may("kms:Decrypt", str(KEY.arn))
    assert not _may("kms:Decrypt", str(KEY.arn), **{**here, BUCKET: "arn:aws:s3:::other"})
    for action in ("kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"):
        assert _may(action, str(REPLICA_KEY.arn), **there)
        assert not _may(action, str(REPLICA_KEY.arn), **here)


def test_the_role_has_no_wildcard() -> None:
    """Least privilege."""
    assert wildcards(_role()) == []


def test_a_preview_works() -> None:
    """The role's ARN is unknown until it is made."""
    assert _program(preview=True).of("aws:s3/bucketReplicationConfig:BucketReplicationConfig")
