"""Locks and the lifecycle's tag on an embedded AWS that checks policies; time, which it cannot move, in memory."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from components.bucket import Bucket, BucketArgs
from components.bucket_policy import Lock
from components.lifecycle import ByTag
from functions.adapters.memory_versioned import VersionedStore
from functions.contract.object_keys import pack_key
from functions.contract.object_tags import EXPIRED, STATE
from functions.contract.rights import RIGHTS
from functions.engine.errors import AccessError
from functions.engine.retention.ports import Vault
from functions.runtime.toolbox import Connection, Toolbox
from sandbox.ministack import MiniStack
from sandbox.resources.shapes import fit
from tests.components.deployment import KEY as KMS_KEY
from tests.components.deployment import REGION, deploy
from tests.program.kit import ACCOUNT

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PACK = pack_key("0123456789abcdef0123456789abcdef")
ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
"""Whoever is not known to the embedded AWS is the account itself."""
DAY = timedelta(days=1)
MODES = ("GOVERNANCE", "COMPLIANCE")
Attack = Callable[[Any, str, str], Any]


def _retention(mode: str, days: float) -> dict[str, Any]:
    return {"Mode": mode, "RetainUntilDate": datetime.now(UTC) + timedelta(days=days)}


def _delete_many(s3: S3Client, bucket: str, version: str) -> None:
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": PACK, "VersionId": version}]})
    for error in answer.get("Errors", []):
        raise ClientError({"Error": {"Code": error["Code"], "Message": ""}}, "DeleteObjects")


ON_THE_LOCK: dict[str, Attack] = {
    "delete": lambda s3, bucket, version: s3.delete_object(Bucket=bucket, Key=PACK, VersionId=version),
    "delete with others": _delete_many,
    "shorten": lambda s3, bucket, _: s3.put_object_retention(
        Bucket=bucket, Key=PACK, Retention=_retention("GOVERNANCE", 0.1)
    ),
}
BYPASSING: dict[str, Attack] = {
    "delete and bypass": lambda s3, bucket, version: s3.delete_object(
        Bucket=bucket, Key=PACK, VersionId=version, BypassGovernanceRetention=True
    ),
    "shorten and bypass": lambda s3, bucket, _: s3.put_object_retention(
        Bucket=bucket, Key=PACK, Retention=_retention("GOVERNANCE", 0.1), BypassGovernanceRetention=True
    ),
}
AROUND_IT: dict[str, Attack] = {
    "hide": lambda s3, bucket, _: s3.delete_object(Bucket=bucket, Key=PACK),
    "hold for ever": lambda s3, bucket, _: s3.put_object_legal_hold(
        Bucket=bucket, Key=PACK, LegalHold={"Status": "ON"}
    ),
    "lock nothing new": lambda s3, bucket, _: s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    ),
    "expire by age": lambda s3, bucket, _: s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [{"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
        },
    ),
    "stop versions": lambda s3, bucket, _: s3.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
    ),
    "change the policy": lambda s3, bucket, _: s3.delete_bucket_policy(Bucket=bucket),
    "delete the bucket": lambda s3, bucket, _: s3.delete_bucket(Bucket=bucket),
}
ATTACKS = ON_THE_LOCK | BYPASSING | AROUND_IT


@pytest.fixture(scope="module")
def guarded(_closed_network: None) -> Iterator[MiniStack]:
    """An embedded AWS that checks signatures and policies."""
    with MiniStack(auth=True) as running:
        yield running


class Account:
    """An account with locked buckets and the roles of the functions."""

    def __init__(self, endpoint: str) -> None:
        """Start without anything. Bucket policies are left out: what is shown here holds without them."""
        self.endpoint = endpoint
        self.root: S3Client = boto3.client("s3", endpoint_url=endpoint, **ROOT)  # type: ignore[call-overload]
        self._numbers = itertools.count()

    def locked(self, mode: str) -> tuple[str, str]:
        """Make a bucket that locks for a day, with a pack in it; give its name and the pack's version."""
        bucket = f"locked-{next(self._numbers)}"
        self.root.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        rule: Any = {"DefaultRetention": {"Mode": mode, "Days": 1}}
        self.root.put_object_lock_configuration(
            Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )
        return bucket, self.root.put_object(Bucket=bucket, Key=PACK, Body=b"pack")["VersionId"]

    def role(self, function: str, bucket: str) -> dict[str, str]:
        """Make the role of a function as the contract says, and give a session's keys as variables."""
        name = f"{function}-{next(self._numbers)}"
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        iam: Any = boto3.client("iam", endpoint_url=self.endpoint, **ROOT)  # type: ignore[call-overload]
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy([trust]))["Role"]["Arn"]
        statements = [
            {"Effect": "Allow", "Action": list(right.actions), "Resource": _arns(right.resource, bucket)}
            for right in RIGHTS[function]
        ]
        iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=_policy(statements))
        sts: Any = boto3.client("sts", endpoint_url=self.endpoint, **ROOT)  # type: ignore[call-overload]
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    def client(self, variables: dict[str, str]) -> S3Client:
        """Give a client with the keys of a session."""
        keys = {name.lower(): value for name, value in variables.items()}
        made: S3Client = boto3.client("s3", endpoint_url=self.endpoint, **keys)  # type: ignore[call-overload]
        return made

    def state(self, bucket: str) -> tuple[Any, ...]:
        """Give everything that an attack could have changed."""
        versions = self.root.list_object_versions(Bucket=bucket)
        return (
            [item["VersionId"] for item in versions["Versions"]],
            "DeleteMarkers" in versions,
            self.root.get_object_retention(Bucket=bucket, Key=PACK)["Retention"],
            self.root.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"],
            self.root.get_bucket_versioning(Bucket=bucket)["Status"],
        )


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _arns(resource: str, bucket: str) -> list[str]:
    """Give the ARNs of a right: all of the repository, even where a role gets only some folders, or of nothing."""
    arn = f"arn:aws:s3:::{bucket}"
    if resource == "repository":
        return [arn]
    return [f"{arn}/*"] if resource.startswith("repository_") else ["arn:aws:s3:::nothing-of-ours"]


@pytest.fixture(scope="module")
def account(guarded: MiniStack) -> Account:
    """Give an account for all tests; each makes its own bucket."""
    return Account(guarded.endpoint)


@pytest.fixture
def vault_of(account: Account) -> Iterator[Callable[[dict[str, str], str], Vault]]:
    """Give vaults to whoever has keys."""
    made: list[Toolbox] = []

    def make(variables: dict[str, str], bucket: str) -> Vault:
        made.append(Toolbox(Connection(endpoint=account.endpoint), variables))
        return made[-1].vault(bucket)

    yield make
    for tools in made:
        tools.close()


def _code(attack: Attack, s3: S3Client, bucket: str, version: str) -> str:
    """Attack; give the code of the refusal, or nothing when there is none."""
    try:
        attack(s3, bucket, version)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@pytest.mark.parametrize("attack", ON_THE_LOCK | BYPASSING)
def test_the_root_of_the_account_cannot_lift_a_compliance_lock(account: Account, attack: str) -> None:
    """Whatever it may do beside that, and although no bucket policy stops it."""
    bucket, version = account.locked("COMPLIANCE")
    before = account.state(bucket)
    assert _code(ATTACKS[attack], account.root, bucket, version) == "AccessDenied"
    assert account.state(bucket) == before


@pytest.mark.parametrize("attack", ON_THE_LOCK)
def test_the_root_of_the_account_cannot_lift_a_governance_lock_by_mistake(account: Account, attack: str) -> None:
    """Only by saying that it wants to, which is what governance means."""
    bucket, version = account.locked("GOVERNANCE")
    before = account.state(bucket)
    assert _code(ATTACKS[attack], account.root, bucket, version) == "AccessDenied"
    assert account.state(bucket) == before
    assert _code(BYPASSING["delete and bypass"], account.root, bucket, version) == ""
    assert "Versions" not in account.root.list_object_versions(Bucket=bucket)


@pytest.mark.parametrize("mode", MODES)
def test_the_tag_lifts_no_lock(account: Account, vault_of: Callable[[dict[str, str], str], Vault], mode: str) -> None:
    """What is expired is as locked as it was."""
    bucket, version = account.locked(mode)
    vault_of({name.upper(): value for name, value in ROOT.items()}, bucket).expire(PACK).result()
    assert _code(ATTACKS["delete"], account.root, bucket, version) == "AccessDenied"
    assert account.root.get_object(Bucket=bucket, Key=PACK)["Body"].read() == b"pack"


def test_a_lock_ends_when_it_was_said_to(account: Account) -> None:
    """Not before; so it is the lock that refuses, and nothing else."""
    bucket = f"short-{account.locked('COMPLIANCE')[0]}"
    account.root.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    end = datetime.now(UTC) + timedelta(seconds=1)
    version = account.root.put_object(
        Bucket=bucket, Key=PACK, Body=b"pack", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=end
    )["VersionId"]
    assert _code(ATTACKS["delete"], account.root, bucket, version) == "AccessDenied"
    time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()) + 1.1)
    assert _code(ATTACKS["delete"], account.root, bucket, version) == ""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("function", RIGHTS)
def test_no_function_can_delete_hide_or_unlock_anything(account: Account, function: str, mode: str) -> None:
    """With the rights of its role, in any way there is."""
    bucket, version = account.locked(mode)
    s3, before = account.client(account.role(function, bucket)), account.state(bucket)
    found = {name: _code(attack, s3, bucket, version) for name, attack in ATTACKS.items()}
    assert found == dict.fromkeys(ATTACKS, "AccessDenied")
    assert account.state(bucket) == before


@pytest.mark.parametrize("function", sorted(set(RIGHTS) - {"collector"}))
def test_no_function_but_the_collector_can_let_anything_go(
    account: Account, vault_of: Callable[[dict[str, str], str], Vault], function: str
) -> None:
    """None can tag, and none can extend a lock."""
    bucket, _version = account.locked("GOVERNANCE")
    role = account.role(function, bucket)
    assert _code(_tagged, account.client(role), bucket, "") == "AccessDenied"
    vault = vault_of(role, bucket)
    with pytest.raises(AccessError):
        vault.expire(PACK).result()
    with pytest.raises(AccessError):
        vault.extend(PACK, datetime.now(UTC) + 9 * DAY).result()


def _tagged(s3: S3Client, bucket: str, _version: str) -> None:
    s3.put_object_tagging(Bucket=bucket, Key=PACK, Tagging={"TagSet": [{"Key": STATE, "Value": EXPIRED}]})


def test_the_collectors_rights_are_enough_for_every_call_of_a_vault(
    account: Account, vault_of: Callable[[dict[str, str], str], Vault]
) -> None:
    """And it never shortens a lock, whoever asks it to."""
    bucket, version = account.locked("COMPLIANCE")
    vault = vault_of(account.role("collector", bucket), bucket)
    until = vault.now() + 9 * DAY
    vault.expire(PACK).result()
    vault.readmit(PACK).result()
    for asked in (until, until - DAY):
        vault.extend(PACK, asked).result()
    assert account.root.get_object_retention(Bucket=bucket, Key=PACK)["Retention"]["RetainUntilDate"] == until
    assert [item.version_id for item in vault.versions(PACK)] == [version]
    account.root.delete_object(Bucket=bucket, Key=PACK)
    vault.bring_back(PACK, version).result()
    assert account.root.get_object(Bucket=bucket, Key=PACK)["Body"].read() == b"pack"
    assert account.root.get_object_retention(Bucket=bucket, Key=PACK)["Retention"]["Mode"] == "COMPLIANCE"


def _default_mode(account: Account, bucket: str, mode: str) -> None:
    """Let a bucket lock what is new in another mode."""
    rule: Any = {"DefaultRetention": {"Mode": mode, "Days": 1}}
    account.root.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )


def test_a_lock_is_extended_in_the_mode_to_which_the_bucket_was_raised(
    account: Account, vault_of: Callable[[dict[str, str], str], Vault]
) -> None:
    """Without a word of bypassing. S3 is said to refuse that before the old lock ends; the emulator grants it."""
    bucket, version = account.locked("GOVERNANCE")
    _default_mode(account, bucket, "COMPLIANCE")
    vault = vault_of(account.role("collector", bucket), bucket)
    vault.extend(PACK, vault.now() + 9 * DAY).result()
    assert account.root.get_object_retention(Bucket=bucket, Key=PACK)["Retention"]["Mode"] == "COMPLIANCE"
    assert _code(BYPASSING["delete and bypass"], account.root, bucket, version) == "AccessDenied"


def test_a_lock_is_never_extended_in_a_lower_mode(
    account: Account, vault_of: Callable[[dict[str, str], str], Vault]
) -> None:
    """It is refused, which a collection counts, and it stays as it was."""
    bucket, _version = account.locked("COMPLIANCE")
    before = account.state(bucket)[2]
    _default_mode(account, bucket, "GOVERNANCE")
    vault = vault_of(account.role("collector", bucket), bucket)
    with pytest.raises(AccessError):
        vault.extend(PACK, vault.now() + 9 * DAY).result()
    assert account.state(bucket)[2] == before


# ------------------------------------------------------------------------------------- the lifecycle


def deployed_rules(undelete_days: int, s3: S3Client, bucket: str) -> list[Any]:
    """Give a bucket the lifecycle that the program gives to a repository; read it back."""
    args = BucketArgs("test", "repository", REGION, ACCOUNT, ByTag(undelete_days), KMS_KEY, Lock("COMPLIANCE", 30))
    program = deploy(lambda: Bucket("bucket", args))
    (found,) = program.of("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
    call = s3.meta.service_model.operation_model("PutBucketLifecycleConfiguration")
    assert call.input_shape is not None
    shape = call.input_shape.members["LifecycleConfiguration"]
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration=fit({"rules": found.inputs["rules"]}, shape, {})
    )
    return list(s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"])


def test_the_deployed_lifecycle_takes_what_the_vault_tags_and_nothing_else(
    account: Account, vault_of: Callable[[dict[str, str], str], Vault]
) -> None:
    """The tag that is written is, to the letter, the one that the rule looks for."""
    bucket, _version = account.locked("COMPLIANCE")
    rules = deployed_rules(14, account.root, bucket)
    deleting = [
        rule
        for rule in rules
        if "NoncurrentVersionExpiration" in rule or {"Days", "Date"} & set(rule.get("Expiration", {}))
    ]
    assert [(rule["Status"], set(rule["Filter"])) for rule in deleting] == [("Enabled", {"Tag"})]
    wanted = deleting[0]["Filter"]["Tag"]
    vault = vault_of(account.role("collector", bucket), bucket)
    account.root.put_object_tagging(Bucket=bucket, Key=PACK, Tagging={"TagSet": [{"Key": "scan", "Value": "clean"}]})

    def taken() -> bool:
        return wanted in account.root.get_object_tagging(Bucket=bucket, Key=PACK)["TagSet"]

    assert not taken()
    vault.expire(PACK).result()
    assert taken()
    vault.readmit(PACK).result()
    assert not taken()
    assert account.root.get_object_tagging(Bucket=bucket, Key=PACK)["TagSet"] == [{"Key": "scan", "Value": "clean"}]


@pytest.mark.parametrize("lock_days", [1, 5, 30])
@pytest.mark.parametrize("undelete_days", [1, 14])
@pytest.mark.parametrize("extended", [0, 10])
def test_what_is_tagged_is_deleted_after_its_lock_and_the_days_of_undelete(
    account: Account, lock_days: int, undelete_days: int, extended: int
) -> None:
    """Whichever is later, at the midnight that follows; what is not tagged stays for ever."""
    bucket, _version = account.locked("COMPLIANCE")
    (rule,) = [rule for rule in deployed_rules(undelete_days, account.root, bucket) if "Tag" in rule["Filter"]]
    undelete = timedelta(days=rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
    born = moment = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
    store = VersionedStore(lambda: moment, lock=lock_days * DAY, undelete=undelete)
    for key in ("tagged", "kept"):
        store.put_new(key, [b"x"]).result()
    locked_until = born + lock_days * DAY
    if extended:
        locked_until += extended * DAY
        store.extend("tagged", locked_until).result()
    store.expire("tagged").result()
    hidden = None
    while not store.deletions:
        moment = (moment + DAY).replace(hour=0, minute=0)
        store.run_lifecycle()
        if hidden is None and store.current("tagged") is None:
            hidden = moment
    assert hidden is not None
    assert DAY <= hidden - born <= 2 * DAY
    (deletion,) = store.deletions
    due = max(locked_until, hidden + undelete)
    assert (deletion.key, deletion.by) == ("tagged", "lifecycle")
    assert timedelta() <= deletion.when - due <= DAY
    assert store.data("kept") == b"x"
