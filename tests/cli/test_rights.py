"""A missing right is one error that names the action, exit status 4; so are credentials that nobody accepts."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import boto3
import pytest

from sandbox.ministack import MiniStack
from tests.cli.kit import Tool, World, list_keys, make_world

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_s3 import S3Client

ALL = ("s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:GetObjectTagging", "s3:PutObjectTagging")

Person = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def guarded(_closed_network: None) -> Iterator[MiniStack]:
    """An embedded AWS that checks signatures and policies."""
    with MiniStack(auth=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def guarded_s3(guarded: MiniStack) -> "S3Client":
    """A client that may do everything."""
    return boto3.client("s3", endpoint_url=guarded.endpoint)


@pytest.fixture
def world(guarded: MiniStack, guarded_s3: "S3Client", make_guarded_bucket: Callable[..., str]) -> World:
    """A source with three users, and an empty repository."""
    return make_world(guarded_s3, Tool(guarded.endpoint), make_guarded_bucket)


@pytest.fixture(scope="module")
def make_guarded_bucket(guarded_s3: "S3Client") -> Callable[..., str]:
    """Make buckets in the guarded AWS."""
    count = iter(range(1_000))

    def make(*, versioned: bool = False) -> str:
        name = f"guarded-{next(count)}"
        guarded_s3.create_bucket(Bucket=name)
        if versioned:
            guarded_s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    return make


@pytest.fixture
def person(guarded: MiniStack) -> Person:
    """Make a person with all rights but some: `person({"docs": ["s3:GetObject"]})` may not read objects in docs."""
    iam = boto3.client("iam", endpoint_url=guarded.endpoint)

    def make(without: Mapping[str, list[str]]) -> dict[str, str]:
        statements = [{"Effect": "Allow", "Action": list(ALL), "Resource": "*"}]
        for bucket, actions in without.items():
            arns = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
            statements.append({"Effect": "Deny", "Action": actions, "Resource": arns})
        name = f"person-{len(iam.list_users()['Users'])}"
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    return make


def test_with_all_rights_it_works(world: World, person: Person) -> None:
    """The rights of this module are enough, and signatures are right."""
    assert world.back_up(env=person({})).status == 0


@pytest.mark.parametrize(
    ("bucket", "action", "code"),
    [
        ("source", "s3:ListBucket", "ACCESS_DENIED"),
        ("source", "s3:GetObject", "OBJECT_DENIED"),
        ("repository", "s3:ListBucket", "ACCESS_DENIED"),
        ("repository", "s3:PutObject", "ACCESS_DENIED"),
    ],
)
def test_a_backup_names_the_right_that_it_misses(
    world: World, person: Person, bucket: str, action: str, code: str
) -> None:
    """No backup comes to exist, neither an empty one nor one that holds nothing but a list of what it misses."""
    name = world.source if bucket == "source" else world.repository
    done = world.back_up(env=person({name: [action]}))
    assert (done.status, done.code) == (4, code)
    assert action in done.err
    assert name in done.err
    assert world.commits() == []


def test_objects_that_one_user_may_not_read_do_not_keep_others_from_their_backup(world: World, person: Person) -> None:
    """The run ends with the status of the missing right, and says whose backup is missing."""
    done = world.back_up("--json", env=person({f"{world.source}/bob": ["s3:GetObject"]}))
    assert done.status == 4
    assert done.document["backups"] == 2
    assert [note.partition(":")[0] for note in done.document["notes"]] == ["bob"]
    assert len(world.commits()) == 2


def test_one_object_that_may_not_be_read_makes_the_backup_partial(world: World, person: Person) -> None:
    """Status 9, and the object is named."""
    secret = f"{world.source}/alice/plan.txt"
    done = world.back_up("--user", "alice", "--json", env=person({secret: ["s3:GetObject"]}))
    assert done.status == 9
    assert (done.document["files"], done.document["unreadable"]) == (1, 1)
    assert done.document["notes"][0].startswith("alice/plan.txt: OBJECT_DENIED: ")


@pytest.mark.parametrize(
    ("bucket", "action"),
    [("repository", "s3:ListBucket"), ("repository", "s3:GetObject"), ("target", "s3:PutObject")],
)
def test_a_restore_names_the_right_that_it_misses(
    world: World, person: Person, make_guarded_bucket: Callable[..., str], bucket: str, action: str
) -> None:
    """Nothing is restored, and nothing half."""
    assert world.back_up().status == 0
    target = make_guarded_bucket()
    name = world.repository if bucket == "repository" else target
    done = world.restore("--all-users", "--to-bucket", target, env=person({name: [action]}))
    assert (done.status, done.code) == (4, "ACCESS_DENIED")
    assert action in done.err
    assert name in done.err
    assert list_keys(world.s3, target) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"AWS_SECRET_ACCESS_KEY": "not-the-secret"},
        {"AWS_ACCESS_KEY_ID": "AKIAAAAAAAAAAAAAAAAA"},
        {"AWS_SESSION_TOKEN": "no-token-of-anybody"},
    ],
    ids=["secret", "key", "token"],
)
def test_credentials_that_nobody_accepts(world: World, person: Person, wrong: dict[str, str]) -> None:
    """They are called wrong; they are not printed."""
    done = world.back_up(env={**person({}), **wrong})
    assert (done.status, done.code) == (4, "CREDENTIALS_INVALID")
    assert not any(secret in done.err for name, secret in wrong.items() if name != "AWS_ACCESS_KEY_ID")
    assert world.keys() == []


def test_no_credentials_at_all(world: World, tmp_path: "Path") -> None:
    """The remedy names the variables."""
    done = world.back_up(env={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path)})
    assert (done.status, done.code) == (4, "CREDENTIALS_INVALID")
    assert "AWS_PROFILE" in done.err


def test_an_unknown_profile(world: World) -> None:
    """The profile is named."""
    done = world.back_up("--profile", "nobody")
    assert (done.status, done.code) == (4, "CREDENTIALS_INVALID")
    assert "nobody" in done.err
