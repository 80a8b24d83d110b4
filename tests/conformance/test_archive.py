"""What every Archive must do: say how packs stand, and thaw them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import pytest

from functions.adapters.memory import MemoryBlobStore
from functions.adapters.memory_archive import MemoryArchive
from functions.adapters.s3.archive import S3Archive
from functions.adapters.s3.client import S3Client
from functions.contract.object_keys import pack_key
from functions.engine.orchestration.archive import Archive, PackState, StoredPack, Tier

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client as Boto3S3

PACKS = [f"{number:032x}" for number in range(200)]


class Freezer(Protocol):
    """A place for packs, and a person who freezes them."""

    archive: Archive

    def put(self, pack: str, size: int, place: str) -> None:
        """Write a pack into a storage class."""
        ...

    def wait(self) -> None:
        """Let the thawing end."""
        ...


class MemoryFreezer:
    """Packs in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self._store = MemoryBlobStore()
        self._packs = MemoryArchive(self._store)
        self.archive: Archive = self._packs

    def put(self, pack: str, size: int, place: str) -> None:
        """See Freezer."""
        self._store.blobs[pack_key(pack)] = bytes(size)
        if place != "STANDARD":
            self._packs.frozen[pack] = place

    def wait(self) -> None:
        """See Freezer."""
        self._packs.finish()


class S3Freezer:
    """Packs in the embedded S3, which thaws in two seconds."""

    def __init__(self, boto: Boto3S3, bucket: str, client: S3Client) -> None:
        """Use `bucket`."""
        self._boto = boto
        self._bucket = bucket
        self.archive: Archive = S3Archive(client)

    def put(self, pack: str, size: int, place: str) -> None:
        """See Freezer."""
        self._boto.put_object(
            Bucket=self._bucket,
            Key=pack_key(pack),
            Body=bytes(size),
            StorageClass=place,  # type: ignore[arg-type]  # any of S3's
        )

    def wait(self) -> None:
        """See Freezer."""
        time.sleep(2.1)


@pytest.fixture(params=["memory", "s3"])
def freezer(request: pytest.FixtureRequest) -> Freezer:
    """Give an empty freezer."""
    if request.param == "memory":
        return MemoryFreezer()
    bucket = request.getfixturevalue("make_bucket")()
    client_of: Callable[[str], S3Client] = request.getfixturevalue("client_of")
    return S3Freezer(request.getfixturevalue("s3"), bucket, client_of(bucket))


def states(freezer: Freezer, packs: list[str]) -> list[PackState]:
    """Say how packs stand."""
    return [stored.state for stored in freezer.archive.states(packs)]


def test_packs_are_told_in_the_order_asked_more_than_go_at_once(freezer: Freezer) -> None:
    """With their place and size."""
    for number, pack in enumerate(PACKS[:150]):
        freezer.put(pack, number, "GLACIER" if number % 10 == 0 else "STANDARD")
    found = list(freezer.archive.states(reversed(PACKS[:150])))
    assert [stored.pack for stored in found] == list(reversed(PACKS[:150]))
    for stored in found:
        number = int(stored.pack, 16)
        frozen = number % 10 == 0
        state = PackState.ARCHIVED if frozen else PackState.READY
        assert stored == StoredPack(stored.pack, state, "GLACIER" if frozen else "STANDARD", number)


def test_a_pack_that_does_not_exist_counts_as_ready(freezer: Freezer) -> None:
    """Who reads it says what is missing."""
    assert list(freezer.archive.states(PACKS[:1])) == [StoredPack(PACKS[0], PackState.READY, "", 0)]


@pytest.mark.parametrize("tier", Tier)
def test_packs_are_thawed_and_asking_twice_is_harmless(freezer: Freezer, tier: Tier) -> None:
    """From archived to thawing to ready, and what was not asked for stays."""
    for number, pack in enumerate(PACKS[:5]):
        freezer.put(pack, 10, "DEEP_ARCHIVE" if number % 2 else "GLACIER")
    asked = list(freezer.archive.states(PACKS[:4]))
    freezer.archive.thaw(asked, tier, 7)
    assert states(freezer, PACKS[:5]) == [PackState.THAWING] * 4 + [PackState.ARCHIVED]
    freezer.archive.thaw(asked, tier, 7)
    freezer.wait()
    assert states(freezer, PACKS[:5]) == [PackState.READY] * 4 + [PackState.ARCHIVED]
    freezer.archive.thaw(asked, tier, 7)
    assert states(freezer, PACKS[:4]) == [PackState.READY] * 4


def test_a_class_with_instant_access_is_ready(freezer: Freezer) -> None:
    """Only archives that cannot be read at once are thawed."""
    if isinstance(freezer, MemoryFreezer):
        freezer.put(PACKS[0], 1, "STANDARD")
    else:
        freezer.put(PACKS[0], 1, "GLACIER_IR")
    assert states(freezer, PACKS[:1]) == [PackState.READY]
