"""The collector as it is wired, on the embedded AWS: weeks of collections under exactly the rights of the contract."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from functions.adapters.dynamo.catalog import DynamoCatalog
from functions.adapters.s3.vault import S3Vault
from functions.contract.object_keys import PACKS, SNAPSHOTS, commit_key, pack_key
from functions.contract.object_tags import EXPIRED, STATE
from functions.contract.rights import RIGHTS
from functions.engine.backup import Ports
from functions.engine.commit import CommitRecord
from functions.engine.repository import BackupName, Repository
from functions.engine.retention.holds import Author, set_hold
from functions.runtime.collecting import CollectService
from functions.runtime.local_run import RunRequest, back_up
from functions.runtime.toolbox import Connection, Toolbox, now, random_hex
from sandbox.ministack import MiniStack
from sandbox.rights.decisions import decisions, denied
from tests.runtime.verifier_stack import CREDENTIALS, Context
from tests.strategies import noise
from tests.tables import everything, make_backups, make_dedup

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

LOCK_DAYS, KEPT_DAYS = 2, 1
SOURCE, ROLE = "clients-of-ours", "collector-role"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}],
}


class Deployment:
    """A source, a repository with locks, tables, a topic; a role with the collector's rights; and the bucket's time."""

    def __init__(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make it with rights to everything."""
        self.endpoint, self._patch = endpoint, monkeypatch
        self.s3: S3Client = boto3.client("s3", endpoint_url=endpoint)
        self.dynamodb = boto3.client("dynamodb", endpoint_url=endpoint)
        self.vault = f"vault-{uuid.uuid4().hex}"
        self.s3.create_bucket(Bucket=SOURCE)
        self.s3.create_bucket(Bucket=self.vault, ObjectLockEnabledForBucket=True)
        retention: Any = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": LOCK_DAYS}}
        self.s3.put_object_lock_configuration(
            Bucket=self.vault, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention}
        )
        self.dedup, self.backups = make_dedup(self.dynamodb), make_backups(self.dynamodb)
        self.topic = boto3.client("sns", endpoint_url=endpoint).create_topic(Name="notices")["TopicArn"]
        iam = boto3.client("iam", endpoint_url=endpoint)
        self.role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName=ROLE, PolicyName="rights", PolicyDocument=json.dumps(self._policy()))
        self.later = timedelta()
        clock = S3Vault.now
        monkeypatch.setattr(S3Vault, "now", lambda vault: clock(vault) + self.later)

    def _policy(self) -> dict[str, Any]:
        tables = "arn:aws:dynamodb:us-east-1:000000000000:table"
        vault = f"arn:aws:s3:::{self.vault}"
        arns: dict[str, list[str]] = {
            "repository": [vault],
            "repository_objects": [f"{vault}/*"],
            "repository_backups": [f"{vault}/{PACKS}*", f"{vault}/{SNAPSHOTS}*"],
            "repository_plans": [f"{vault}/gc/*"],
            "dedup_table": [f"{tables}/{self.dedup}"],
            "backups_table": [f"{tables}/{self.backups}"],
            "topic": [self.topic],
        }
        statements = [
            {"Effect": "Allow", "Action": list(right.actions), "Resource": arns[right.resource]}
            for right in RIGHTS["collector"]
            if right.resource in arns
        ]
        return {"Version": "2012-10-17", "Statement": statements}

    def night(self, number: int) -> CommitRecord:
        """Let the only user change his file, and back him up."""
        self.s3.put_object(Bucket=SOURCE, Key="alice/file", Body=noise(f"night {number}", 200_000))
        with Toolbox(Connection(endpoint=self.endpoint), CREDENTIALS) as tools:
            ports = Ports(
                tools.source(SOURCE),
                tools.store(self.vault),
                tools.index(tools.store(self.vault), self.dedup),
                now,
                random_hex,
            )
            (outcome,) = back_up(ports, RunRequest("reports"), workers=1).outcomes
        assert outcome.result is not None
        record = outcome.result.record
        DynamoCatalog(lambda: self.dynamodb, self.backups).complete(record, "test", now() + timedelta(days=400))
        return record

    def collect(self, days: int) -> dict[str, Any]:
        """Let so many days pass and collect, as the function does, in its role."""
        self.later += timedelta(days=days)
        sts = boto3.client("sts", endpoint_url=self.endpoint)
        session = sts.assume_role(RoleArn=self.role, RoleSessionName="collector")["Credentials"]
        credentials = {
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }
        with self._patch.context() as patch:
            for name, value in credentials.items():
                patch.setenv(name, value)
            service = CollectService.from_variables(self._variables() | credentials)
            try:
                return service.run({}, Context())
            finally:
                service.close()

    def _variables(self) -> dict[str, str]:
        return {
            "STACK": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "TOPIC_ARN": self.topic,
            "REPOSITORY_BUCKET": self.vault,
            "DEDUP_TABLE": self.dedup,
            "BACKUPS_TABLE": self.backups,
            "LOCK_DAYS": str(LOCK_DAYS),
            "RETENTION_DAYS": str(KEPT_DAYS),
        }

    def tagged(self, key: str) -> bool:
        """Say whether an object carries the tag that lets it go."""
        tags = self.s3.get_object_tagging(Bucket=self.vault, Key=key)["TagSet"]
        return {"Key": STATE, "Value": EXPIRED} in tags

    def locked_until(self, key: str) -> datetime:
        """Say when an object's lock ends."""
        return self.s3.get_object_retention(Bucket=self.vault, Key=key)["Retention"]["RetainUntilDate"]

    def states(self) -> dict[str, str]:
        """Give what the catalog says of each backup."""
        items = everything(self.dynamodb, self.backups)
        return {str(item["backupId"]).rpartition("/")[2]: str(item["status"]) for item in items}


@pytest.fixture
def deployment(_closed_network: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """An embedded AWS that checks signatures and policies."""
    with MiniStack(auth=True) as running:
        yield Deployment(running.endpoint, monkeypatch)


def _name(record: CommitRecord) -> BackupName:
    return BackupName(record.source, record.user, record.backup_id)


def test_weeks_of_collections_need_exactly_the_rights_of_the_contract(deployment: Deployment) -> None:
    """Condemned, expired, held after all, brought back, locked: each is done, none is denied, no right is too many."""
    first, second = deployment.night(1), deployment.night(2)
    old, kept = _name(first), _name(second)
    ((old_pack,), (pack,)) = first.packs, second.packs
    longer = datetime.now(UTC).replace(microsecond=0) + timedelta(days=90)
    deployment.s3.put_object_retention(
        Bucket=deployment.vault, Key=commit_key(*kept), Retention={"Mode": "COMPLIANCE", "RetainUntilDate": longer}
    )

    assert deployment.collect(3)["counts"]["backups_condemn"] == 1
    assert deployment.locked_until(pack_key(pack)) > datetime.now(UTC) + timedelta(days=10)
    assert deployment.locked_until(commit_key(*kept)) == longer
    counts = deployment.collect(3)["counts"]
    assert (counts["backups_expire"], counts["packs_condemn"]) == (1, 1)
    assert deployment.tagged(commit_key(*old))
    assert deployment.states() == {old.backup_id: "EXPIRED", kept.backup_id: "COMPLETED"}
    assert deployment.collect(3)["counts"]["packs_expire"] == 1
    assert deployment.tagged(pack_key(old_pack))
    assert not deployment.tagged(pack_key(pack))

    with Toolbox(Connection(endpoint=deployment.endpoint), CREDENTIALS) as tools:
        set_hold(tools.store(deployment.vault), *old, Author("lawyer", "a case"), now(), random_hex)
    deployment.s3.delete_object(Bucket=deployment.vault, Key=pack_key(pack))
    counts = deployment.collect(1)["counts"]
    assert (counts["packs_missing"], counts["backups_rescue"]) == (1, 1)
    assert not deployment.tagged(commit_key(*old))
    assert not deployment.tagged(pack_key(old_pack))
    assert set(deployment.states().values()) == {"COMPLETED"}
    assert deployment.collect(1)["counts"].get("packs_missing", 0) == 0
    with Toolbox(Connection(endpoint=deployment.endpoint), CREDENTIALS) as tools:
        assert len(list(Repository(tools.store(deployment.vault)).backups("reports"))) == 2

    assert denied(deployment.endpoint) == []
    used = {decision.action for decision in decisions(deployment.endpoint)}
    granted = {
        action
        for right in RIGHTS["collector"]
        for action in right.actions
        if right.resource not in {"logs", "xray"} and not action.startswith("kms:")
    }
    assert granted == used


def test_a_locked_version_is_deleted_by_nobody(deployment: Deployment) -> None:
    """Whoever may do everything else, and after the collector has let it go."""
    first = deployment.night(1)
    deployment.night(2)
    for days in (3, 3, 3):
        deployment.collect(days)
    key = commit_key(*_name(first))
    assert deployment.tagged(key)
    (version,) = deployment.s3.list_object_versions(Bucket=deployment.vault, Prefix=key)["Versions"]
    with pytest.raises(deployment.s3.exceptions.ClientError, match="AccessDenied"):
        deployment.s3.delete_object(Bucket=deployment.vault, Key=key, VersionId=version["VersionId"])
