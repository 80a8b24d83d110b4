"""Keys: rotated, hard to lose, and open to exactly those who need them."""

from __future__ import annotations

from typing import Any

import pytest

from components import key_policy
from components.kms import Key, KeyArgs
from functions.engine.errors import ConfigurationError
from tests.components.deployment import REGION, deploy, policy
from tests.components.policies import Request, decide, wildcards
from tests.program.kit import ACCOUNT

TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/test-trail"
CONTEXT = "kms:EncryptionContext:aws:cloudtrail:arn"
BUCKET = "arn:aws:s3:::test-primary"
OTHER = "210987654321"
PUBLISHERS = ("cloudwatch.amazonaws.com", "budgets.amazonaws.com", "s3.amazonaws.com", key_policy.EVENTS)


def _args(**changes: Any) -> KeyArgs:  # noqa: ANN401 - fields of any type
    statements = [
        *(key_policy.publisher(service, ACCOUNT) for service in PUBLISHERS),
        key_policy.log_groups(REGION, ACCOUNT, "/aws/lambda/test-"),
        *key_policy.cloudtrail(ACCOUNT, TRAIL),
        *key_policy.trusted_accounts([OTHER], REGION, BUCKET),
    ]
    given: dict[str, Any] = {"description": "of tests", "account_id": ACCOUNT, "region": REGION}
    return KeyArgs(**{"alias": "alias/test", **given, "statements": statements, **changes})


def _statements() -> list[dict[str, Any]]:
    (key,) = deploy(lambda: Key("key", _args())).of("aws:kms/key:Key")
    return policy(key)


def _decide(principal: str, action: str, **context: str) -> str:
    return decide(
        _statements(),
        Request(action, principal=principal, context={k.replace("__", ":"): v for k, v in context.items()}),
    )


def test_a_key_rotates_has_an_alias_and_is_hard_to_lose() -> None:
    """A key that is gone takes every backup with it."""
    program = deploy(lambda: Key("key", _args(deletion_window_days=30)))
    (key,) = program.of("aws:kms/key:Key")
    (alias,) = program.of("aws:kms/alias:Alias")
    assert key.inputs["enableKeyRotation"] is True
    assert key.inputs["deletionWindowInDays"] == 30
    assert key.inputs["region"] == alias.inputs["region"] == REGION
    assert alias.inputs["name"] == "alias/test"
    assert (key.protect, key.retain) == (True, True)


def test_a_key_without_protection_can_be_destroyed() -> None:
    """A development stack comes and goes."""
    (key,) = deploy(lambda: Key("key", _args(protect=False, deletion_window_days=7))).of("aws:kms/key:Key")
    assert (key.protect, key.retain) == (False, False)


@pytest.mark.parametrize("days", [6, 31, 0])
def test_a_deletion_window_that_kms_would_refuse_is_refused(days: int) -> None:
    """Before anything is deployed."""
    with pytest.raises(ConfigurationError, match="deletion window"):
        _args(deletion_window_days=days)


@pytest.mark.parametrize("alias", ["test", "alias/aws/s3"])
def test_an_alias_that_kms_would_refuse_is_refused(alias: str) -> None:
    """Before anything is deployed."""
    with pytest.raises(ConfigurationError, match="alias"):
        _args(alias=alias)


def test_only_its_own_account_administers_the_key() -> None:
    """A trusted account is trusted with reading."""
    assert _decide(f"arn:aws:iam::{ACCOUNT}:role/admin", "kms:ScheduleKeyDeletion") == "allowed"
    for principal in (f"arn:aws:iam::{OTHER}:role/admin", "cloudtrail.amazonaws.com", key_policy.EVENTS):
        assert _decide(principal, "kms:ScheduleKeyDeletion") == "not allowed"
        assert _decide(principal, "kms:PutKeyPolicy") == "not allowed"


@pytest.mark.parametrize("service", PUBLISHERS)
@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:GenerateDataKey"])
def test_a_service_that_sends_notices_can_encrypt_them(service: str, action: str) -> None:
    """Else the alarm fires and no mail comes."""
    assert _decide(service, action, aws__SourceAccount=ACCOUNT) == "allowed"


def test_a_service_that_was_not_named_cannot_use_the_key() -> None:
    """Exactly those that need it."""
    for service in ("sns.amazonaws.com", "lambda.amazonaws.com", "scheduler.amazonaws.com"):
        assert _decide(service, "kms:Decrypt", aws__SourceAccount=ACCOUNT) == "not allowed"


def test_a_service_on_behalf_of_another_account_cannot_use_the_key() -> None:
    """The confused deputy."""
    for service in ("cloudwatch.amazonaws.com", "budgets.amazonaws.com", "s3.amazonaws.com"):
        assert _decide(service, "kms:Decrypt", aws__SourceAccount=OTHER) == "not allowed"


def test_event_bridge_is_let_in_without_a_source_because_it_gives_none() -> None:
    """With a condition every notice is dropped in silence."""
    assert _decide(key_policy.EVENTS, "kms:GenerateDataKey") == "allowed"
    assert "Condition" not in key_policy.publisher(key_policy.EVENTS, ACCOUNT)


def test_the_trail_encrypts_its_files_and_uses_the_bucket_key() -> None:
    """Only this trail, and only as a trail of this account."""
    context = {CONTEXT.replace(":", "__"): TRAIL, "aws__SourceArn": TRAIL}
    assert _decide("cloudtrail.amazonaws.com", "kms:GenerateDataKey", **context) == "allowed"
    assert _decide("cloudtrail.amazonaws.com", "kms:Decrypt", aws__SourceArn=TRAIL) == "allowed"
    assert _decide("cloudtrail.amazonaws.com", "kms:DescribeKey", aws__SourceArn=TRAIL) == "allowed"


def test_another_trail_cannot_use_the_key() -> None:
    """Nor one of another account that says it is ours."""
    other = TRAIL.replace("test-trail", "other")
    foreign = TRAIL.replace(ACCOUNT, OTHER)
    name = CONTEXT.replace(":", "__")
    assert (
        _decide("cloudtrail.amazonaws.com", "kms:GenerateDataKey", **{name: TRAIL, "aws__SourceArn": other})
        == "not allowed"
    )
    assert (
        _decide("cloudtrail.amazonaws.com", "kms:GenerateDataKey", **{name: foreign, "aws__SourceArn": TRAIL})
        == "not allowed"
    )
    assert _decide("cloudtrail.amazonaws.com", "kms:Decrypt", aws__SourceArn=other) == "not allowed"


def test_logs_of_this_stack_are_encrypted_and_no_others() -> None:
    """CloudWatch Logs of this region, for log groups of this stack."""
    service, name = f"logs.{REGION}.amazonaws.com", "kms__EncryptionContext__aws__logs__arn"
    groups = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"
    assert _decide(service, "kms:Encrypt", **{name: f"{groups}/aws/lambda/test-worker"}) == "allowed"
    assert _decide(service, "kms:Encrypt", **{name: f"{groups}/aws/lambda/other"}) == "not allowed"
    assert (
        _decide("logs.us-east-1.amazonaws.com", "kms:Encrypt", **{name: f"{groups}/aws/lambda/test-worker"})
        == "not allowed"
    )


def test_a_trusted_account_decrypts_objects_of_the_repository_through_s3_only() -> None:
    """Not by itself, not through another service, not in another bucket."""
    reader, bucket = f"arn:aws:iam::{OTHER}:role/reader", "kms__EncryptionContext__aws__s3__arn"
    through = {"kms__ViaService": f"s3.{REGION}.amazonaws.com"}
    assert _decide(reader, "kms:Decrypt", **through, **{bucket: BUCKET}) == "allowed"
    assert _decide(reader, "kms:Decrypt") == "not allowed"
    assert _decide(reader, "kms:Decrypt", **through, **{bucket: "arn:aws:s3:::test-trail"}) == "not allowed"
    assert (
        _decide(reader, "kms:Decrypt", kms__ViaService=f"sqs.{REGION}.amazonaws.com", **{bucket: BUCKET})
        == "not allowed"
    )
    assert _decide(reader, "kms:GenerateDataKey", **through, **{bucket: BUCKET}) == "not allowed"


def test_an_account_that_is_not_trusted_gets_nothing() -> None:
    """Whatever it comes through."""
    assert (
        _decide("arn:aws:iam::999999999999:role/reader", "kms:Decrypt", kms__ViaService=f"s3.{REGION}.amazonaws.com")
        == "not allowed"
    )


def test_without_trusted_accounts_nothing_is_said_of_them() -> None:
    """KMS refuses a principal that is nobody."""
    assert key_policy.trusted_accounts([], REGION, BUCKET) == []


def test_only_the_account_itself_has_every_action_and_nobody_is_everybody() -> None:
    """In a key's policy, the resource is always the key, so `*` says nothing."""
    statements = [{**statement, "Resource": "this key"} for statement in _statements()]
    assert wildcards(statements) == ["OwnAccount"]


def test_a_preview_knows_the_policy() -> None:
    """A reviewer sees who may use the key before it exists."""
    (key,) = deploy(lambda: Key("key", _args()), preview=True).of("aws:kms/key:Key")
    assert len(policy(key)) == len(_statements())
