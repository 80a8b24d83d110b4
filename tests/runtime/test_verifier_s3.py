"""The verifier function as it is wired, on the embedded S3, DynamoDB, SNS and SQS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from functions.contract.object_keys import PACKS
from functions.engine.errors import ConfigurationError
from functions.handlers import verifier
from sandbox.ministack import MiniStack
from tests.runtime.verifier_stack import FILES, Context, Stack
from tests.tables import everything

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture
def stack(ministack: MiniStack, s3: S3Client, make_bucket: Callable[..., str]) -> Stack:
    """A deployment with two users."""
    return Stack(ministack.endpoint, s3, make_bucket)


def test_users_are_proven_by_restores_to_the_scratch_bucket(stack: Stack) -> None:
    """Every object is there, with content, content type, metadata and tags; the tables say so."""
    stack.back_up()
    assert stack.verify({"verify": "drill"}) == {"verify": "drill", "proven": 2, "failed": 0, "not_reached": 0}
    assert stack.results() == {"reports/alice": "PROVEN", "reports/bob": "PROVEN"}
    assert all("lastProven" in item for item in everything(stack.dynamodb, stack.users))
    found = {item["Key"] for item in stack.s3.list_objects_v2(Bucket=stack.scratch)["Contents"]}
    assert {key.split("/", 5)[5] for key in found if "/bob/" in key} == {
        key.removeprefix("clients/bob/") for key in FILES if "/bob/" in key
    }
    (report,) = [key for key in found if key.endswith("/report")]
    head = stack.s3.head_object(Bucket=stack.scratch, Key=report)
    assert (head["ContentType"], head["CacheControl"], head["Metadata"]) == (
        "text/x-report",
        "no-store",
        {"owner": "ada"},
    )
    assert stack.notices() == []


def test_what_changed_since_the_backup_is_proven_by_the_manifest(stack: Stack) -> None:
    """Or is gone: S3 says so, and the backup is as good as before."""
    stack.back_up()
    stack.s3.put_object(Bucket=stack.source, Key="clients/bob/empty", Body=b"no longer")
    stack.s3.delete_object(Bucket=stack.source, Key="clients/bob/large")
    assert stack.verify({"verify": "drill"})["proven"] == 2


@pytest.mark.parametrize("event", ["drill", "sample"])
def test_a_pack_with_a_wrong_byte_is_found_and_told(stack: Stack, event: str) -> None:
    """By the drill of who needs it, and by the sample; the notice names the pack."""
    stack.back_up()
    pack = stack.damage_pack()
    answer = stack.verify({"verify": event})
    ((subject, body),) = stack.notices()
    assert pack in body
    if event == "drill":
        assert answer == {"verify": "drill", "proven": 1, "failed": 1, "not_reached": 0}
        assert stack.results() == {"reports/alice": "PROVEN", "reports/bob": "FAILED"}
        assert subject == "Strongroom test: restore drill FAILED: 1 user"
    else:
        assert answer["damages"] == 1
        assert subject == "Strongroom test: DAMAGE found: 1 object"
        assert "'clients/bob/large'" in body


def test_structure_and_sample_of_a_whole_repository_are_told_to_nobody(stack: Stack) -> None:
    """They read what there is, and find nothing."""
    stack.back_up()
    stack.back_up()
    structure = stack.verify({"verify": "structure"})
    assert (structure["backups"], structure["files"], structure["damages"]) == (2, 5, 0)
    packs = stack.s3.list_objects_v2(Bucket=stack.vault, Prefix=PACKS)["Contents"]
    sample = stack.verify({"verify": "sample"})
    assert (sample["packs_read"], sample["bytes_read"]) == (len(packs), sum(item["Size"] for item in packs))
    assert stack.notices() == []


def test_a_missing_pack_is_found_by_the_structure_check(stack: Stack) -> None:
    """And told with the users who need it."""
    stack.back_up()
    for item in stack.s3.list_objects_v2(Bucket=stack.vault, Prefix=PACKS)["Contents"]:
        stack.s3.delete_object(Bucket=stack.vault, Key=item["Key"])
    assert stack.verify({"verify": "structure"})["damages"] >= 1
    ((_subject, body),) = stack.notices()
    assert "PACK_MISSING" in body
    assert "of user 'alice'" in body
    assert "of user 'bob'" in body


def test_packs_in_an_archive_class_are_no_damage(stack: Stack) -> None:
    """The sample passes them over; who needs them is not proven, and is told how to get them back."""
    stack.back_up()
    for item in stack.s3.list_objects_v2(Bucket=stack.vault, Prefix=PACKS)["Contents"]:
        data = stack.s3.get_object(Bucket=stack.vault, Key=item["Key"])["Body"].read()
        stack.s3.put_object(Bucket=stack.vault, Key=item["Key"], Body=data, StorageClass="GLACIER")
    sample = stack.verify({"verify": "sample"})
    assert (sample["packs_read"], sample["damages"]) == (0, 0)
    assert stack.verify({"verify": "drill"})["failed"] == 2
    ((_subject, body),) = stack.notices()
    assert "BLOB_ARCHIVED" in body
    assert "what to do: restore what needs it by the restore function" in body


def test_a_scratch_bucket_that_is_not_there_fails_the_drills_with_the_remedy(stack: Stack) -> None:
    """Everybody's, each with a record."""
    stack.back_up()
    assert stack.verify({"verify": "drill"}, SCRATCH_BUCKET="nowhere")["failed"] == 2
    assert stack.results() == {"reports/alice": "FAILED", "reports/bob": "FAILED"}
    ((_subject, body),) = stack.notices()
    assert "BUCKET_NOT_FOUND" in body
    assert "what to do: check the bucket's name and region" in body


def test_the_handler_is_made_once_and_works_on(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Lambda calls it: clients outlive an invocation."""
    stack.back_up()
    for name, value in stack.variables().items():
        monkeypatch.setenv(name, value)
    verifier.service.cache_clear()
    try:
        for event in ("structure", "drill"):
            assert verifier.handle({"verify": event}, Context())["verify"] == event
        assert verifier.service.cache_info().misses == 1
    finally:
        verifier.service().close()
        verifier.service.cache_clear()


def test_a_bad_environment_is_one_error_that_names_all(stack: Stack) -> None:
    """At the first invocation."""
    with pytest.raises(ConfigurationError, match=r"(?s)SCRATCH_BUCKET is missing.*SAMPLE_PERCENT is '0'"):
        stack.verify({"verify": "drill"}, SCRATCH_BUCKET="", SAMPLE_PERCENT="0")
