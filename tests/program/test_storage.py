"""What an auditor asks of buckets, tables and keys of the whole program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.contract.object_tags import EXPIRED, STATE
from functions.contract.rights import RIGHTS
from functions.contract.tables import TTL
from tests.components.policies import Request, decide
from tests.program.kit import ACCOUNT, Program, Registration, recorded
from tests.program.reading import (
    BUCKET,
    KEY,
    STACKS,
    TABLE,
    VAULT,
    account_of,
    arn,
    is_isolated,
    keys,
    policy_of,
    region_of,
    replica_region,
)

REPLICA = "aws:dynamodb/tableReplica:TableReplica"
SETTINGS = {
    "versioning": "aws:s3/bucketVersioning:BucketVersioning",
    "encryption": "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "lifecycle": "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "public access": "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "ownership": "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "policy": "aws:s3/bucketPolicy:BucketPolicy",
}
"""What every bucket has exactly one of."""
every_stack = pytest.mark.parametrize("stack", STACKS)


def buckets(stack: str, *without: str) -> list[Registration]:
    """Give the buckets of a stack, without those whose names hold a word."""
    found = recorded(stack).of(BUCKET)
    assert len(found) == (6 if replica_region(stack) else 4)
    return [item for item in found if not any(f"-{word}-" in item.inputs["bucket"] for word in without)]


def setting(program: Program, what: str, bucket: Registration) -> dict[str, Any]:
    """Give the one resource of a kind that is about a bucket; it must stand in the bucket's region."""
    (found,) = [item for item in program.of(SETTINGS[what]) if item.inputs["bucket"] == bucket.inputs["bucket"]]
    assert found.inputs["region"] == bucket.inputs["region"]
    return found.inputs


@every_stack
def test_every_bucket_has_versions(stack: str) -> None:
    """Else what is overwritten is lost."""
    for bucket in buckets(stack):
        versioning = setting(recorded(stack), "versioning", bucket)
        assert versioning["versioningConfiguration"] == {"status": "Enabled"}


@every_stack
def test_every_bucket_is_closed_to_the_public(stack: str) -> None:
    """All four ways of opening it, and access control lists altogether."""
    for bucket in buckets(stack):
        flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        block = setting(recorded(stack), "public access", bucket)
        assert [block[flag] for flag in flags] == [True] * 4
        assert setting(recorded(stack), "ownership", bucket)["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


@every_stack
def test_every_bucket_is_encrypted_with_a_key_of_ours_in_its_region_by_bucket_key(stack: str) -> None:
    """But for access logs, which S3 delivers under its own key only."""
    program = recorded(stack)
    ours = {arn("kms", stack, key): region_of(stack, key) for key in program.of(KEY)}
    looked_at = 0
    for bucket in buckets(stack):
        (rule,) = setting(program, "encryption", bucket)["rules"]
        default = rule["applyServerSideEncryptionByDefault"]
        if "-logs-" in bucket.inputs["bucket"]:
            assert default == {"sseAlgorithm": "AES256"}
            continue
        assert default["sseAlgorithm"] == "aws:kms"
        assert ours[default["kmsMasterKeyId"]] == bucket.inputs["region"]
        assert rule["bucketKeyEnabled"] is True
        looked_at += 1
    assert looked_at == (4 if replica_region(stack) else 3)


@every_stack
def test_nobody_reads_or_writes_a_bucket_without_tls(stack: str) -> None:
    """Asked of each bucket's policy: with it the answer is another one."""
    for bucket in buckets(stack):
        name = bucket.inputs["bucket"]
        statements = policy_of(recorded(stack), SETTINGS["policy"], "bucket", name)
        for action, resource in (("s3:GetObject", "/a"), ("s3:PutObject", "/a"), ("s3:ListBucket", "")):
            plain = Request(action, f"arn:aws:s3:::{name}{resource}", context={"aws:SecureTransport": "false"})
            tls = Request(action, f"arn:aws:s3:::{name}{resource}", context={"aws:SecureTransport": "true"})
            old = Request(action, f"arn:aws:s3:::{name}{resource}", context={"s3:TlsVersion": "1.1"})
            assert [decide(statements, request) for request in (plain, old)] == ["denied", "denied"]
            assert decide(statements, tls) != "denied"


@every_stack
def test_nobody_deletes_from_a_bucket(stack: str) -> None:
    """Neither by an object's name nor by its version; there is no break-glass role until one is named."""
    for bucket in buckets(stack):
        name = bucket.inputs["bucket"]
        statements = policy_of(recorded(stack), SETTINGS["policy"], "bucket", name)
        for action in ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"):
            request = Request(action, f"arn:aws:s3:::{name}/a", principal=f"arn:aws:iam::{ACCOUNT}:root")
            assert decide(statements, request) == "denied"


@every_stack
def test_nothing_lets_go_of_packs_by_their_age(stack: str) -> None:
    """Only a tag does: an old pack may serve today's backup."""
    tag = {"tag": {"key": STATE, "value": EXPIRED}}
    looked_at = 0
    for bucket in buckets(stack, "logs", "trail", "scratch"):
        rules = setting(recorded(stack), "lifecycle", bucket)["rules"]
        letting_go = [rule for rule in rules if "days" in rule.get("expiration", {})]
        letting_go += [rule for rule in rules if "noncurrentVersionExpiration" in rule]
        assert [rule["filter"] for rule in letting_go] == [tag, tag]
        looked_at += 1
    assert looked_at == (2 if replica_region(stack) else 1)


@every_stack
def test_what_holds_backups_is_locked_from_birth(stack: str) -> None:
    """The replica too, or nothing would arrive there."""
    program = recorded(stack)
    locks = {
        item.inputs["bucket"]
        for item in program.of("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration")
    }
    holding = buckets(stack, "logs", "trail", "scratch")
    assert {bucket.inputs["bucket"] for bucket in holding} <= locks
    assert all(bucket.inputs["objectLockEnabled"] is True for bucket in holding)


@pytest.mark.parametrize(("stack", "mode"), [("prod", "COMPLIANCE"), ("dev", "GOVERNANCE")])
def test_locks_are_in_one_mode_and_no_other_is_taken(stack: str, mode: str) -> None:
    """That of birth is the only one to which the policy lets a lock be extended: in both regions, and for the trail."""
    program = recorded(stack)
    locks = program.of("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration")
    assert {item.inputs["rule"]["defaultRetention"]["mode"] for item in locks} == {mode}
    for bucket in buckets(stack, "logs", "trail", "scratch"):
        statements = policy_of(program, SETTINGS["policy"], "bucket", bucket.inputs["bucket"])
        (refused,) = [item for item in statements if item["Sid"] == "NoOtherLockMode"]
        assert refused["Condition"]["StringNotEquals"] == {"s3:object-lock-mode": mode}


@every_stack
def test_every_bucket_is_logged_but_the_one_of_the_logs(stack: str) -> None:
    """Into the bucket of its own region that lets S3 deliver: logs of a log would never end."""
    program = recorded(stack)
    logged = {
        item.inputs["bucket"]: item.inputs["targetBucket"] for item in program.of("aws:s3/bucketLogging:BucketLogging")
    }
    assert logged.keys() == {bucket.inputs["bucket"] for bucket in buckets(stack, "logs")}
    regions = {bucket.inputs["bucket"]: bucket.inputs["region"] for bucket in buckets(stack)}
    for bucket, target in logged.items():
        assert regions[bucket] == regions[target]
        statements = policy_of(program, SETTINGS["policy"], "bucket", target)
        context = {"aws:SourceAccount": account_of(stack), "aws:SourceArn": f"arn:aws:s3:::{bucket}"}
        delivery = Request("s3:PutObject", f"arn:aws:s3:::{target}/a", "logging.s3.amazonaws.com", context)
        assert decide(statements, delivery) == "allowed"


@every_stack
def test_the_trail_watches_what_holds_backups_and_may_write_its_files(stack: str) -> None:
    """Validated, in all regions, under a key that lets it encrypt."""
    program = recorded(stack)
    (trail,) = program.of("aws:cloudtrail/trail:Trail")
    assert trail.inputs["enableLogFileValidation"] is True
    assert trail.inputs["isMultiRegionTrail"] is True
    (watched,) = [
        selector["startsWiths"]
        for selectors in trail.inputs["advancedEventSelectors"]
        for selector in selectors["fieldSelectors"]
        if selector["field"] == "resources.ARN"
    ]
    holding = {f"arn:aws:s3:::{bucket.inputs['bucket']}/" for bucket in buckets(stack, "logs", "trail", "scratch")}
    assert set(watched) == holding
    name, account = trail.inputs["name"], account_of(stack)
    source = {"aws:SourceArn": f"arn:aws:cloudtrail:us-east-1:{account}:trail/{name}"}
    context = {**source, "kms:EncryptionContext:aws:cloudtrail:arn": source["aws:SourceArn"]}
    key = keys(program, stack)[trail.inputs["kmsKeyId"]]
    for action in ("kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey"):
        assert decide(key, Request(action, principal="cloudtrail.amazonaws.com", context=context)) == "allowed"
    bucket = trail.inputs["s3BucketName"]
    statements = policy_of(program, SETTINGS["policy"], "bucket", bucket)
    file = Request(
        "s3:PutObject",
        f"arn:aws:s3:::{bucket}/AWSLogs/{account}/a",
        "cloudtrail.amazonaws.com",
        {**source, "s3:x-amz-acl": "bucket-owner-full-control"},
    )
    assert decide(statements, file) == "allowed"


@every_stack
def test_tables_can_be_recovered_and_expire_only_by_the_contract(stack: str) -> None:
    """Point-in-time recovery, our key, on demand."""
    program = recorded(stack)
    tables = program.of(TABLE)
    assert len(tables) == 6
    for table in tables:
        assert table.inputs["pointInTimeRecovery"]["enabled"] is True
        assert table.inputs["serverSideEncryption"]["enabled"] is True
        assert table.inputs["serverSideEncryption"]["kmsKeyArn"] in keys(program, stack)
        assert table.inputs["billingMode"] == "PAY_PER_REQUEST"
        assert table.inputs.get("ttl", {"attributeName": TTL})["attributeName"] == TTL
        assert table.inputs["deletionProtectionEnabled"] is (stack == "prod")


def test_production_loses_no_data_by_a_mistake_of_ours() -> None:
    """What holds data is protected and stays when it goes out of the program; scratch is made to be thrown away."""
    program = recorded("prod")
    found = program.of(BUCKET, TABLE, REPLICA, KEY)
    kept = [item for item in found if "scratch" not in item.name]
    assert len(kept) == len(found) - 1 == 18
    assert [item.name for item in kept if not (item.protect and item.retain)] == []
    assert all(item.inputs["deletionProtectionEnabled"] is True for item in program.of(TABLE, REPLICA))
    assert {item.inputs["deletionWindowInDays"] for item in program.of(KEY)} == {30}


@pytest.mark.parametrize("stack", ["dev", "local"])
def test_other_stacks_can_be_destroyed(stack: str) -> None:
    """They come and go: nothing is protected."""
    assert [item.name for item in recorded(stack).resources if item.protect or item.retain] == []


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_a_copy_stands_in_another_region_with_a_key_of_its_own(stack: str) -> None:
    """Lose one region, and the other opens without it."""
    program = recorded(stack)
    here, there = "us-east-1", "us-west-2"
    assert {region_of(stack, key) for key in program.of(KEY)} == {here, there}
    (rule,) = program.of("aws:s3/bucketReplicationConfig:BucketReplicationConfig")
    (replica,) = [bucket for bucket in buckets(stack) if "-replica-" in bucket.inputs["bucket"]]
    assert rule.inputs["region"] == here
    (destination,) = [one["destination"] for one in rule.inputs["rules"]]
    assert destination["bucket"] == f"arn:aws:s3:::{replica.inputs['bucket']}"
    key = destination["encryptionConfiguration"]["replicaKmsKeyId"]
    assert f":{there}:" in key
    assert key in keys(program, stack)
    tables = {item.inputs["globalTableArn"] for item in program.of(REPLICA)}
    assert tables == {arn("dynamodb", stack, table) for table in program.of(TABLE) if table.name != "tables-dedup"}
    assert {item.inputs["kmsKeyArn"] for item in program.of(REPLICA)} == {key}


def test_only_the_copy_and_what_watches_it_stand_in_the_second_region() -> None:
    """By the region of each resource: there is one provider for both."""
    there = [item for item in recorded("prod").resources if item.inputs.get("region") == "us-west-2"]
    kinds = {item.type.split("/")[0] for item in there}
    assert kinds == {"aws:s3", "aws:kms", "aws:dynamodb", "aws:sns", "aws:cloudwatch", "aws:backup"}
    assert [item.name for item in recorded("alone").resources if item.inputs.get("region") == "us-west-2"] == []


@every_stack
def test_what_can_be_encrypted_is_encrypted_with_a_key_of_its_own_region(stack: str) -> None:
    """Queues, topics, log groups, functions, schedules, tables, trail, vaults."""
    program = recorded(stack)
    names = ("kmsMasterKeyId", "kmsKeyId", "kmsKeyArn")
    kinds = {
        "aws:sqs/queue:Queue": "kmsMasterKeyId",
        "aws:sns/topic:Topic": "kmsMasterKeyId",
        "aws:cloudwatch/logGroup:LogGroup": "kmsKeyId",
        "aws:lambda/function:Function": "kmsKeyArn",
        "aws:scheduler/schedule:Schedule": "kmsKeyArn",
        "aws:cloudtrail/trail:Trail": "kmsKeyId",
    }
    if program.of(VAULT):
        kinds[VAULT] = "kmsKeyArn"
    for kind, field in kinds.items():
        found = program.of(kind)
        assert found, kind
        for item in found:
            assert item.inputs[field] in keys(program, stack), item.name
            assert f":{region_of(stack, item)}:" in item.inputs[field]
    others = {item.type for item in program.resources if any(name in item.inputs for name in names)}
    assert others == kinds.keys() | ({REPLICA} if replica_region(stack) else set())


@every_stack
def test_cloudwatch_may_use_the_key_for_every_log_group(stack: str) -> None:
    """Else the group cannot be made."""
    program = recorded(stack)
    groups = program.of("aws:cloudwatch/logGroup:LogGroup")
    assert len(groups) == len(RIGHTS) + (3 if is_isolated(stack) else 2)  # the trail's, the API's, the network's
    for group in groups:
        name = f"arn:aws:logs:us-east-1:{account_of(stack)}:log-group:{group.inputs['name']}"
        context = {"kms:EncryptionContext:aws:logs:arn": name}
        statements = keys(program, stack)[group.inputs["kmsKeyId"]]
        for action in ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"):
            request = Request(action, principal="logs.us-east-1.amazonaws.com", context=context)
            assert decide(statements, request) == "allowed", name


@every_stack
def test_policies_fit_into_what_aws_takes(stack: str) -> None:
    """Characters, without blanks where AWS counts none (service quotas of IAM, KMS, S3, VPC, SNS)."""
    program = recorded(stack)
    most = {
        "aws:iam/rolePolicy:RolePolicy": 10_240,
        "aws:kms/key:Key": 32_768,
        "aws:s3/bucketPolicy:BucketPolicy": 20_480,
        "aws:ec2/vpcEndpoint:VpcEndpoint": 20_480,
        "aws:sns/topicPolicy:TopicPolicy": 30_720,
        "aws:sqs/queuePolicy:QueuePolicy": 8_192,
    }
    for kind, limit in most.items():
        found = program.of(kind)
        assert found or (kind.startswith("aws:ec2") and not is_isolated(stack))
        for item in found:
            assert len(json.dumps(json.loads(item.inputs["policy"]), separators=(",", ":"))) <= limit
    for role in program.of("aws:iam/role:Role"):
        assert len(json.dumps(json.loads(role.inputs["assumeRolePolicy"]), separators=(",", ":"))) <= 2_048
