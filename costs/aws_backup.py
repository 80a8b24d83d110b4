"""What AWS Backup costs for the same data: daily backups of the bucket, copied to the other region. Pure.

It is what the sources cost with `vault.sources`, and what is compared with without. Each changed object is kept whole,
and nothing is found twice or compressed. Left out, in favour of AWS Backup: keys, alarms, audit reports, restore tests,
what lies in the bucket beside the protected prefix, and S3 versions, which it demands on the source.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.settings import Settings
from costs.assumptions import GB
from costs.bill import Bill, Line
from costs.calendar import monthly
from costs.volume import Volume

_SERVICE = "AWS Backup"
LEAST_KIB: Final = 128
"""Smaller objects are charged as this (AWS Backup pricing)."""
_GETS = 3
"""Object, tags and ACL (AWS Backup Developer Guide, "Permissions and policies for Amazon S3 backup and restore")."""


def aws_backup(settings: Settings, volume: Volume) -> Bill:
    """Give the bill of a steady month with the same retention, and the same second region if there is one."""
    return Bill(tuple(_lines(settings, volume)))


def _lines(settings: Settings, volume: Volume) -> Iterator[Line]:
    stored = charged(volume) * (1 + volume.changed * settings.retention.days)
    sent = monthly(volume.gigabytes * volume.changed)
    changed = monthly(volume.count * volume.changed)
    yield Line(_SERVICE, "warm storage", stored, "backup.storage")
    if settings.replica:
        yield Line(_SERVICE, "warm storage, copy", stored, "backup.storage")
        yield Line(_SERVICE, "transfer of the copy", sent, "s3.transfer")
    yield Line(_SERVICE, "GET of the source", changed * _GETS, "s3.get.STANDARD")
    yield Line(_SERVICE, "LIST of the source", monthly(volume.count / 1_000), "s3.put.STANDARD")
    yield Line(_SERVICE, "events of the source", changed, "eventbridge.event")


def first_backup(settings: Settings, volume: Volume) -> Iterator[Line]:
    """Give what the first backup of everything costs once."""
    yield Line(_SERVICE, "GET of the source", volume.count * _GETS, "s3.get.STANDARD")
    if settings.replica:
        yield Line(_SERVICE, "transfer of the copy", volume.gigabytes, "s3.transfer")


def charged(volume: Volume) -> float:
    """Give the gigabytes that are charged for one full backup."""
    return max(volume.gigabytes, volume.count * LEAST_KIB * 1_024 / GB)
