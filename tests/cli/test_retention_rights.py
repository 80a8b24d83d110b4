"""The commands about retention do with the rights that their page lists, and name the one that is missing."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import boto3
import pytest

from cli.rights import PEOPLE, statements
from functions.contract.object_keys import commit_key
from sandbox.ministack import MiniStack
from tests.cli.keeping import Office, make_office
from tests.cli.kit import Tool, make_world

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

WHY = ("--reason", "case 7")


@pytest.fixture(scope="module")
def guarded(_closed_network: None) -> Iterator[MiniStack]:
    """An embedded AWS that checks signatures and policies."""
    with MiniStack(auth=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def office(guarded: MiniStack) -> Office:
    """A repository with three users, made by somebody who may do everything."""
    s3: S3Client = boto3.client("s3", endpoint_url=guarded.endpoint)
    names = iter(range(100))

    def make(*, versioned: bool = False, object_lock: bool = False) -> str:
        name = f"retained-{next(names)}"
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=object_lock)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    return make_office(s3, make_world(s3, Tool(guarded.endpoint), make), make)


@pytest.fixture
def become(guarded: MiniStack, office: Office, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Become a person with the rights of some commands, but one action."""
    iam = boto3.client("iam", endpoint_url=guarded.endpoint)

    def person(commands: str, without: str = "") -> None:
        arn = f"arn:aws:s3:::{office.world.repository}"
        allowed = [
            {**statement, "Action": [action for action in right.actions if action != without]}
            for right, statement in zip(
                [right for right in PEOPLE[commands] if right.prefixes], statements(commands, arn), strict=True
            )
        ]
        policy = {"Version": "2012-10-17", "Statement": [item for item in allowed if item["Action"]]}
        name = f"person-{len(iam.list_users()['Users'])}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])

    return person


CASES = {
    "retention plan, retention diff, holds, collect show": (["holds"], ["retention", "plan", "--days", "7"]),
    "collect plan": (["collect", "plan", "--stack", "dev"],),
    "hold, release": (["hold", "alice", *WHY],),
    "erase --dry-run, erase --check": (["erase", "bob", *WHY, "--source-gone", "--dry-run"],),
    "erase, erase --withdraw": (["erase", "bob", *WHY, "--source-gone"],),
    "undelete --dry-run": (["undelete", "carol", "--dry-run"],),
    "undelete": (["undelete", "carol"],),
}
MISSING = {
    "hold, release": "s3:PutObject",
    "erase --dry-run, erase --check": "s3:GetLifecycleConfiguration",
    "erase, erase --withdraw": "s3:PutObject",
    "undelete --dry-run": "s3:ListBucketVersions",
    "undelete": "s3:PutObjectTagging",
}


def do(office: Office, arguments: list[str]) -> tuple[int, str]:
    """Run a command; one about a user names him second."""
    about_a_user = arguments[0] in {"hold", "erase", "undelete"}
    done = office.about(*arguments) if about_a_user else office(*arguments)
    return done.status, done.err


def let_carol_go(office: Office) -> None:
    """Tag her backup as a collection does."""
    office.let_go(commit_key(office.world.source, "carol", office.backup_of("carol")))


@pytest.mark.parametrize(("commands", "action"), MISSING.items())
def test_a_right_that_is_missing_is_named(
    office: Office, become: Callable[..., None], commands: str, action: str
) -> None:
    """One line, status 4."""
    let_carol_go(office)
    become(commands, without=action)
    status, error = do(office, CASES[commands][0])
    assert status == 4, error
    assert action in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("commands", CASES)
def test_the_listed_rights_are_enough(office: Office, become: Callable[..., None], commands: str) -> None:
    """For each command of the page that reaches the bucket alone."""
    let_carol_go(office)
    become(commands)
    for arguments in CASES[commands]:
        status, error = do(office, arguments)
        assert status == 0, error


def test_nobody_gets_a_right_to_delete() -> None:
    """Nor one to shorten a lock."""
    actions = {action for rights in PEOPLE.values() for right in rights for action in right.actions}
    assert not [action for action in actions if "Delete" in action or "Retention" in action or "Bypass" in action]
