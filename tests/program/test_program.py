"""The whole program, for each environment: what an auditor asks of everything that it registers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from functions.contract.rights import HANDS_ON, RIGHTS
from functions.contract.tables import TTL
from tests.program.kit import ROOT, Program, recorded, run

STACKS = ("dev", "prod", "local")
BUCKET = "aws:s3/bucket:Bucket"
ANY_RESOURCE = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
}
"""Actions that no resource can be named for (Service Authorization Reference)."""

every_stack = pytest.mark.parametrize("stack", STACKS)


def statements(program: Program) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the statements of all role policies, with the role policy's name."""
    for policy in program.of("aws:iam/rolePolicy:RolePolicy"):
        for statement in json.loads(policy.inputs["policy"])["Statement"]:
            yield policy.name, statement


def listed(value: object) -> list[str]:
    """Give one or several as a list."""
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


@every_stack
def test_the_program_runs_without_looking_anything_up(stack: str) -> None:
    """The mocks refuse every call; a preview in CI has no account to ask."""
    assert len(recorded(stack).resources) > 150


@every_stack
def test_a_first_preview_does_not_need_what_is_not_known_yet(stack: str) -> None:
    """ARNs and names of what does not exist are unknown then."""
    assert len(run(stack, preview=True).resources) == len(recorded(stack).resources)


def test_the_program_takes_less_than_five_seconds() -> None:
    """With the layer built once, as it is after the first time."""
    assert 0 < recorded("prod").cpu_seconds < 5


@every_stack
def test_no_two_resources_share_a_name(stack: str) -> None:
    """Neither at Pulumi nor, of one kind in one region, at AWS."""
    program = recorded(stack)
    urns = Counter((item.type, item.name, item.parent) for item in program.resources)
    names = Counter(
        (item.type, item.inputs.get("region"), item.inputs["name"])
        for item in program.resources
        if item.type.startswith("aws:")
        and isinstance(item.inputs.get("name"), str)
        and "alias" not in item.type.lower()
    )
    assert [urn for urn, count in urns.items() if count > 1] == []
    assert [name for name, count in names.items() if count > 1] == []


@every_stack
def test_every_bucket_is_private_versioned_encrypted_and_speaks_tls_only(stack: str) -> None:
    """All of it, for each bucket there is."""
    program = recorded(stack)
    buckets = {item.inputs["bucket"] for item in program.of(BUCKET)}
    for kind in ("bucketVersioning:BucketVersioning", "bucketPublicAccessBlock:BucketPublicAccessBlock"):
        assert {item.inputs["bucket"] for item in program.of(f"aws:s3/{kind}")} == buckets
    for block in program.of("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"):
        flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        assert all(block.inputs[flag] is True for flag in flags)
    for policy in program.of("aws:s3/bucketPolicy:BucketPolicy"):
        assert "aws:SecureTransport" in policy.inputs["policy"]
    assert len(program.of("aws:s3/bucketPolicy:BucketPolicy")) == len(buckets)
    rules = program.of("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
    assert {item.inputs["bucket"] for item in rules} == buckets


@every_stack
def test_nothing_lets_go_of_packs_by_their_age(stack: str) -> None:
    """Only a tag does: an old pack may serve today's backup."""
    for item in recorded(stack).of("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"):
        if "primary" not in item.inputs["bucket"] and "replica" not in item.inputs["bucket"]:
            continue
        for rule in item.inputs["rules"]:
            if rule.get("expiration", {}).get("days") or rule.get("noncurrentVersionExpiration"):
                assert "strongroom:state" in json.dumps(rule.get("filter")), rule


@every_stack
def test_no_role_of_ours_may_delete_objects_or_do_anything_it_likes(stack: str) -> None:
    """No wildcard action; no wildcard resource but where AWS knows no other."""
    for name, statement in statements(recorded(stack)):
        for action in listed(statement["Action"]):
            assert not action.endswith("*"), (name, action)
            assert not action.startswith("s3:Delete"), (name, action)
        if statement["Effect"] == "Allow" and "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= ANY_RESOURCE | {"ec2:CreateNetworkInterface"}, (name, statement)


@every_stack
def test_every_function_of_the_contract_is_there_and_may_go_on(stack: str) -> None:
    """With a role of its own, a layer, tracing, and no loop detection where it goes on by itself."""
    program = recorded(stack)
    functions = program.of("aws:lambda/function:Function")
    handlers = {item.inputs["handler"].split(".")[2] for item in functions}
    assert handlers == RIGHTS.keys()
    assert len({str(item.inputs["role"]) for item in functions}) == len(functions)
    for function in functions:
        assert function.inputs["runtime"] == "python3.13"
        assert function.inputs["architectures"] == ["arm64"]
        assert function.inputs["tracingConfig"] == {"mode": "Active"}
        assert len(function.inputs["layers"]) == 1
    loops = program.of("aws:lambda/functionRecursionConfig:FunctionRecursionConfig")
    assert len(loops) == len(HANDS_ON)
    assert all(item.inputs["recursiveLoop"] == "Allow" for item in loops)


@every_stack
def test_queues_hide_a_message_for_six_timeouts_and_give_it_up_after_five_receives(stack: str) -> None:
    """As AWS asks for queues that feed functions (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS")."""
    program = recorded(stack)
    timeout = max(item.inputs["timeout"] for item in program.of("aws:lambda/function:Function"))
    fed = [item for item in program.of("aws:sqs/queue:Queue") if item.inputs.get("redrivePolicy")]
    assert len(fed) == 3
    for queue in fed:
        assert queue.inputs["visibilityTimeoutSeconds"] == 6 * timeout
        assert json.loads(queue.inputs["redrivePolicy"])["maxReceiveCount"] == 5


@every_stack
def test_every_alarm_tells_somebody_and_names_a_page_that_exists(stack: str) -> None:
    """An alarm at night without a page is a riddle."""
    alarms = recorded(stack).of("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert len(alarms) > 40
    for alarm in alarms:
        assert alarm.inputs["alarmActions"]
        page = alarm.inputs["alarmDescription"].rpartition(" ")[2].rstrip(".")
        assert (ROOT / page).is_file(), page


@every_stack
def test_tables_can_be_recovered_and_expire_only_by_the_contract(stack: str) -> None:
    """Point-in-time recovery, our key, on demand."""
    tables = recorded(stack).of("aws:dynamodb/table:Table")
    assert len(tables) == 6
    for table in tables:
        assert table.inputs["pointInTimeRecovery"]["enabled"] is True
        assert table.inputs["serverSideEncryption"]["enabled"] is True
        assert table.inputs["billingMode"] == "PAY_PER_REQUEST"
        assert table.inputs.get("ttl", {"attributeName": TTL})["attributeName"] == TTL


def test_production_loses_no_data_by_a_mistake_of_ours() -> None:
    """Buckets, tables and keys are protected and stay when they go out of the program."""
    program = recorded("prod")
    kept = [
        item for item in program.of(BUCKET, "aws:dynamodb/table:Table", "aws:kms/key:Key") if "scratch" not in item.name
    ]
    assert len(kept) > 10
    assert [item.name for item in kept if not (item.protect and item.retain)] == []


def test_production_has_a_copy_in_another_region_with_a_key_of_its_own() -> None:
    """Lose one region, and the other opens without it."""
    program = recorded("prod")
    regions = {str(item.inputs.get("region")) for item in program.of("aws:kms/key:Key")}
    assert len(regions) == 2
    assert len(program.of("aws:s3/bucketReplicationConfig:BucketReplicationConfig")) == 1


@every_stack
def test_every_resource_that_can_carries_the_tags_and_they_are_true(stack: str) -> None:
    """Tags are what the bill and the auditor go by."""
    program = recorded(stack)
    for item in program.of(BUCKET, "aws:sqs/queue:Queue", "aws:lambda/function:Function", "aws:kms/key:Key"):
        assert item.inputs["tags"]["Environment"] == stack
        assert item.inputs["tags"]["DisasterRecovery"] == ("CrossRegion" if stack == "prod" else "SingleRegion")


@every_stack
def test_a_stack_says_what_the_operators_tool_needs(stack: str) -> None:
    """And nothing of itself that is not true."""
    outputs = recorded(stack).outputs
    said = json.loads(outputs["SystemCapabilities"])
    assert outputs["Functions"].keys() == RIGHTS.keys()
    assert (said["replication"] is not None) == (stack == "prod")
    assert outputs["BackupBucketName"]
    assert outputs["Tables"]["dedup"]


def test_the_program_fits_on_a_page() -> None:
    """Who reads it sees how everything hangs together."""
    assert len((ROOT / "__main__.py").read_text().splitlines()) <= 80
