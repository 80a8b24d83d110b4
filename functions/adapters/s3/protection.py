"""How a bucket itself says that it keeps what it holds: its lock at birth, and its lifecycle by tag.

Rights, on the bucket: s3:GetBucketObjectLockConfiguration, s3:GetLifecycleConfiguration, s3:ListBucketVersions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future

from functions.adapters.s3.client import Call, S3Client
from functions.adapters.s3.listing import parse_versions
from functions.adapters.s3.refusals import S3Error
from functions.contract.object_tags import EXPIRED, STATE
from functions.engine.retention.erasure_dates import Protection

_DAYS_A_YEAR = 366
_MODE = re.compile(r"<Mode>(GOVERNANCE|COMPLIANCE)</Mode>")
_DAYS = re.compile(r"<Days>(\d+)</Days>")
_YEARS = re.compile(r"<Years>(\d+)</Years>")
_RULE = re.compile(r"<Rule>(.*?)</Rule>", re.DOTALL)
_NONCURRENT = re.compile(r"<NoncurrentDays>(\d+)</NoncurrentDays>")
_ABSENT = frozenset({"ObjectLockConfigurationNotFoundError", "NoSuchLifecycleConfiguration"})


class _AbsentError(Exception):
    """The bucket has no such setting."""


def read_protection(client: S3Client) -> Protection:
    """Ask the bucket. What it does not have is none: no lock, or no lifecycle."""
    lock = _answer(client.lock_configuration(_text(client, "read how it locks", "s3:GetBucketObjectLockConfiguration")))
    rules = _answer(client.lifecycle(_text(client, "read its lifecycle", "s3:GetLifecycleConfiguration")))
    mode, days, years = _MODE.search(lock), _DAYS.search(lock), _YEARS.search(lock)
    locked = int(days[1]) if days else int(years[1]) * _DAYS_A_YEAR if years else 0
    return Protection(mode[1] if mode else None, locked, _undelete_days(rules))


def stored_keys(client: S3Client, prefix: str) -> Iterator[str]:
    """Give the keys below a prefix that have any version left, hidden or not, each once."""
    call = client.call(lambda response: parse_versions(response.body), f"list {prefix}", "s3:ListBucketVersions")
    markers: Mapping[str, str] = {}
    last: str | None = None
    while True:
        page = client.versions_page(prefix, call, markers).result()
        for item in page.versions:
            if item.key != last:
                last = item.key
                yield item.key
        if not page.markers:
            return
        markers = page.markers


def _text(client: S3Client, what: str, action: str) -> Call[str]:
    """Describe a question about the bucket's settings. One that was never set has no text."""

    def translate(error: BaseException) -> BaseException:
        if isinstance(error, S3Error) and error.s3_code in _ABSENT:
            return _AbsentError()
        return client.translate(error, what, action)

    return Call(lambda response: bytes(response.body).decode(), translate)


def _answer(future: Future[str]) -> str:
    try:
        return future.result()
    except _AbsentError:
        return ""


def _undelete_days(rules: str) -> int | None:
    """Give the days of the rule that deletes what is tagged, of several the most."""
    found = [
        int(days[1])
        for rule in _RULE.findall(rules)
        if f"<Key>{STATE}</Key>" in rule and f"<Value>{EXPIRED}</Value>" in rule and "<Status>Enabled</Status>" in rule
        for days in [_NONCURRENT.search(rule)]
        if days is not None
    ]
    return max(found, default=None)
