"""Access of trusted accounts: one user at a time, reading only."""

from __future__ import annotations

from typing import Any

import pytest

from components.access import Access, AccessArgs, bucket_statements
from components.bucket import Bucket, BucketArgs
from components.bucket_policy import Lock
from components.lifecycle import ByTag
from components.refs import BucketRef
from functions.engine.errors import ConfigurationError
from tests.components.deployment import KEY, REGION, deploy, policy
from tests.components.policies import Answer, Request, decide, wildcards
from tests.program.kit import ACCOUNT, Program

REPOSITORY = BucketRef("test-primary", "arn:aws:s3:::test-primary")
TRUSTED, STRANGER = "210987654321", "999999999999"
TRUSTED_FIRST = 210_000_000_000
READER = f"arn:aws:iam::{TRUSTED}:role/restores"
ALICE, BOB = "snapshots/reports/alice", "snapshots/reports/bob"
MANIFEST = "20261120T020000Z-1f3a9c20/00000.jsonl.zst"


def _args(**changes: Any) -> AccessArgs:  # noqa: ANN401 - fields of any type
    given: dict[str, Any] = {
        "role_name": "test-restore-access",
        "trusted_accounts": [TRUSTED],
        "repository": REPOSITORY,
        "key": KEY,
        "region": REGION,
        "sources": ["reports", "a b"],
    }
    return AccessArgs(**{**given, **changes})


def _program(*, preview: bool = False, **changes: Any) -> Program:  # noqa: ANN401 - fields of any type
    return deploy(lambda: Access("access", _args(**changes)), preview=preview)


def _role() -> list[dict[str, Any]]:
    (found,) = _program().of("aws:iam/rolePolicy:RolePolicy")
    return policy(found)


def _bucket() -> list[dict[str, Any]]:
    def build() -> object:
        statements = bucket_statements([TRUSTED], REPOSITORY.arn, ["reports"])
        lock = Lock("GOVERNANCE", 30)
        return Bucket(
            "bucket", BucketArgs("test", "repository", REGION, ACCOUNT, ByTag(14), KEY, lock, statements=statements)
        )

    (found,) = deploy(build).of("aws:s3/bucketPolicy:BucketPolicy")
    return policy(found)


def _take_on(principal: str = READER, action: str = "sts:AssumeRole", **tags: str) -> Answer:
    (role,) = _program().of("aws:iam/role:Role")
    context = {f"aws:RequestTag/{name}": value for name, value in tags.items()}
    if tags:
        context["aws:TagKeys"] = ",".join(tags)
    return decide(policy(role, "assumeRolePolicy"), Request(action, principal=principal, context=context))


def _read(statements: list[dict[str, Any]], key: str, user: str | None, principal: str = READER) -> Answer:
    context = {} if user is None else {"aws:PrincipalTag/user": user}
    return decide(statements, Request("s3:GetObject", f"{REPOSITORY.arn}/{key}", principal, context))


def _list(statements: list[dict[str, Any]], prefix: str, user: str | None) -> Answer:
    context = {"s3:prefix": prefix, **({} if user is None else {"aws:PrincipalTag/user": user})}
    return decide(statements, Request("s3:ListBucket", str(REPOSITORY.arn), READER, context))


def test_a_trusted_account_takes_on_the_role_for_one_user() -> None:
    """The tag says for whom."""
    assert _take_on(user="alice") == "allowed"
    assert _take_on(action="sts:TagSession", user="alice") == "allowed"


def test_without_the_tag_or_with_others_nobody_takes_it_on() -> None:
    """A role without a user would be a role for nothing, or for too much."""
    assert _take_on() == "not allowed"
    assert _take_on(user="") == "not allowed"
    assert _take_on(team="x") == "not allowed"
    assert _take_on(user="alice", team="x") == "not allowed"


def test_an_account_that_is_not_trusted_cannot_take_it_on() -> None:
    """Nor a service."""
    assert _take_on(f"arn:aws:iam::{STRANGER}:role/restores", user="alice") == "not allowed"
    assert _take_on("lambda.amazonaws.com", user="alice") == "not allowed"


def test_a_session_lasts_an_hour_at_most() -> None:
    """A restore of one user takes less than the RTO, and the role can be taken on again."""
    (role,) = _program().of("aws:iam/role:Role")
    assert (role.inputs["maxSessionDuration"], role.inputs["name"]) == (3_600, "test-restore-access")


@pytest.mark.parametrize("statements", [_role, _bucket])
def test_a_session_reads_and_lists_its_user_only(statements: Any) -> None:  # noqa: ANN401 - a function
    """By the role, or by a tagged role of the trusted account itself."""
    given = statements()
    assert _read(given, f"{ALICE}/{MANIFEST}", "alice") == "allowed"
    assert _list(given, f"{ALICE}/", "alice") == "allowed"
    assert _read(given, f"{BOB}/{MANIFEST}", "alice") == "not allowed"
    assert _list(given, f"{BOB}/", "alice") == "not allowed"
    assert _list(given, "snapshots/", "alice") == "not allowed"
    assert _list(given, "", "alice") == "not allowed"


@pytest.mark.parametrize("statements", [_role, _bucket])
@pytest.mark.parametrize("user", ["ali", "", "reports", "..", "bob/", "/bob", "alice/../bob"])
def test_a_crafted_tag_opens_nobody_else(statements: Any, user: str) -> None:  # noqa: ANN401 - a function
    """A name that begins like another, is empty, or climbs."""
    given = statements()
    for key in (f"{ALICE}/{MANIFEST}", f"{BOB}/{MANIFEST}"):
        assert _read(given, key, user) == "not allowed"
    for prefix in (f"{ALICE}/", f"{BOB}/", "snapshots/reports/", "snapshots/"):
        assert _list(given, prefix, user) == "not allowed"


@pytest.mark.parametrize("statements", [_role, _bucket])
def test_who_has_a_user_reads_packs_and_who_has_none_reads_nothing(statements: Any) -> None:  # noqa: ANN401 - a function
    """Packs are shared by all users: a restore cannot do without."""
    given = statements()
    assert _read(given, "packs/00/1", "alice") == "allowed"
    assert _read(given, "packs/00/1", None) == "not allowed"
    assert _read(given, f"{ALICE}/{MANIFEST}", None) == "not allowed"
    assert _list(given, f"{ALICE}/", None) == "not allowed"


def test_the_bucket_policy_lets_no_stranger_in() -> None:
    """Whatever his tag says."""
    assert _read(_bucket(), f"{ALICE}/{MANIFEST}", "alice", f"arn:aws:iam::{STRANGER}:role/x") == "not allowed"


def test_only_named_sources_can_be_restored_from_and_odd_names_are_encoded() -> None:
    """As they stand in keys."""
    given = _role()
    assert _read(given, f"snapshots/a%20b/alice/{MANIFEST}", "alice") == "allowed"
    assert _read(given, f"snapshots/other/alice/{MANIFEST}", "alice") == "not allowed"


@pytest.mark.parametrize(
    "action", ["PutObject", "DeleteObject", "PutObjectRetention", "PutObjectTagging", "RestoreObject"]
)
def test_the_role_only_reads(action: str) -> None:
    """Neither the bucket nor what is in it can be changed by it."""
    request = Request(
        f"s3:{action}", f"{REPOSITORY.arn}/{ALICE}/{MANIFEST}", context={"aws:PrincipalTag/user": "alice"}
    )
    assert decide(_role(), request) == "not allowed"


def test_the_role_decrypts_objects_of_the_repository_through_s3_only() -> None:
    """The key encrypts more than these."""
    ours = {"kms:ViaService": f"s3.{REGION}.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": str(REPOSITORY.arn)}
    elsewhere = {**ours, "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::test-trail"}
    for context, expected in ((ours, "allowed"), (elsewhere, "not allowed"), ({}, "not allowed")):
        assert decide(_role(), Request("kms:Decrypt", str(KEY.arn), context=context)) == expected


def test_no_policy_has_a_wildcard() -> None:
    """Nor lets anybody in."""
    assert wildcards([*_role(), *_bucket()]) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"trusted_accounts": []}, "there is none"),
        ({"trusted_accounts": ["*"]}, r"12 digits; \*"),
        ({"trusted_accounts": [TRUSTED, "12345"]}, "12345"),
        ({"sources": []}, "at least one source"),
        ({"sources": [""]}, "at least one source"),
        ({"trusted_accounts": [TRUSTED] * 41}, "41 trusted accounts"),
        ({"sources": ["reports"] * 26}, "26 sources"),
    ],
)
def test_a_role_that_nobody_or_everybody_could_take_on_is_refused(changes: dict[str, Any], problem: str) -> None:
    """Before it is made."""
    with pytest.raises(ConfigurationError, match=problem):
        _args(**changes)


def test_policies_fit_into_iam_at_the_limit() -> None:
    """IAM counts characters, and would refuse in the middle of a deployment."""
    accounts = [str(TRUSTED_FIRST + number) for number in range(40)]
    long = BucketRef("x", f"arn:aws-us-gov:s3:::{'b' * 63}")
    sources = [f"{number:0>63}" for number in range(25)]
    program = _program(
        trusted_accounts=accounts, sources=sources, repository=long, partition="aws-us-gov", region="us-gov-west-1"
    )
    (role,) = program.of("aws:iam/role:Role")
    (rights,) = program.of("aws:iam/rolePolicy:RolePolicy")
    assert len(role.inputs["assumeRolePolicy"]) <= 2_048
    assert len(rights.inputs["policy"]) <= 10_240


def test_a_preview_works() -> None:
    """The role's ARN is unknown until it is made."""
    assert _program(preview=True).of("aws:iam/role:Role")
