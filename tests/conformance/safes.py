"""Repositories with versions and locks: a vault, and whoever does to the bucket what no vault may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from functions.adapters.faults import Faults, FaultyBlobStore
from functions.adapters.faults_retention import FaultyVault
from functions.adapters.memory_versioned import StoredVersion, VersionedStore
from functions.adapters.s3.blobs import S3BlobStore
from functions.adapters.s3.client import S3Client
from functions.adapters.s3.vault import S3Vault
from functions.engine.ports import BlobStore
from functions.engine.retention.ports import Vault

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client as Boto3S3

LOCK = timedelta(days=1)
"""What is new is locked for so long."""


class Safe(Protocol):
    """A vault and its store, and what can be done and seen behind their backs."""

    vault: Vault
    store: BlobStore

    def hide(self, key: str) -> None:
        """Put a delete marker over an object, as the lifecycle does."""
        ...

    def remove(self, key: str, version_id: str) -> None:
        """Delete a version for good, as the lifecycle does when its lock has ended."""
        ...

    def locked_until(self, key: str) -> datetime:
        """Say when the lock of the current version ends."""
        ...


class MemorySafe:
    """A bucket in memory."""

    def __init__(self, *, faulty: bool) -> None:
        """Start empty, with the clock of this machine; `faulty` wraps both ports."""
        self.bucket = VersionedStore(lambda: datetime.now(UTC), lock=LOCK, undelete=LOCK)
        self.vault: Vault = FaultyVault(self.bucket, Faults()) if faulty else self.bucket
        self.store: BlobStore = FaultyBlobStore(self.bucket, Faults()) if faulty else self.bucket

    def hide(self, key: str) -> None:
        """See Safe."""
        versions = self.bucket.objects[key]
        versions.append(StoredVersion(f"marker {len(versions)}", self.bucket.now(), None))

    def remove(self, key: str, version_id: str) -> None:
        """See Safe."""
        left = [version for version in self.bucket.objects[key] if version.version_id != version_id]
        self.bucket.objects[key] = left

    def locked_until(self, key: str) -> datetime:
        """See Safe."""
        version = self.bucket.current(key)
        assert version is not None
        assert version.locked_until is not None
        return version.locked_until


class S3Safe:
    """A bucket with Object Lock on the embedded AWS, in governance mode so that tests can remove versions."""

    def __init__(self, s3: Boto3S3, bucket: str, client: S3Client) -> None:
        """Set the default lock of an empty bucket that was made with Object Lock."""
        self._s3 = s3
        self._bucket = bucket
        self.vault: Vault = S3Vault(client)
        self.store: BlobStore = S3BlobStore(client)
        s3.put_object_lock_configuration(
            Bucket=bucket,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": LOCK.days}},
            },
        )

    def hide(self, key: str) -> None:
        """See Safe."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    def remove(self, key: str, version_id: str) -> None:
        """See Safe."""
        self._s3.delete_object(Bucket=self._bucket, Key=key, VersionId=version_id, BypassGovernanceRetention=True)

    def locked_until(self, key: str) -> datetime:
        """See Safe."""
        retention = self._s3.get_object_retention(Bucket=self._bucket, Key=key)["Retention"]
        assert retention["Mode"] == "GOVERNANCE"
        return retention["RetainUntilDate"]
