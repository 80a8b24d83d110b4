"""All that doctor looks at: checks, done side by side. What one cannot read keeps no other from being read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from cli.doctor import judge_data, judge_work
from cli.doctor.expected import Expected
from cli.doctor.facts import Copied, Identity
from cli.doctor.finding import Finding, in_order, remark, unread
from cli.doctor.reading import Reader
from cli.doctor.rights import simulate
from functions.contract.object_keys import commit_key
from functions.engine.errors import CredentialsError, StrongroomError
from functions.engine.ports import BlobStore
from functions.runtime.stack_reading import SourceUser, StackReader

_THREADS = 12
_NEWEST = 20
"""Backups that are looked for in the second region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """With what doctor looks, and at what."""

    expected: Expected
    here: Reader
    there: Reader | None
    """In the second region, if the stack has one."""
    stack: StackReader
    replica: BlobStore | None
    who: Identity
    now: datetime


@dataclass(frozen=True, slots=True)
class Check:
    """A look at one thing: what is read, and who decides on it."""

    name: str
    where: str
    read: Callable[[], Any]
    judge: Callable[[Any], Iterable[Finding]]

    def findings(self) -> list[Finding]:
        """Do it. Raises CredentialsError only: nothing else could be read either."""
        try:
            return list(self.judge(self.read()))
        except CredentialsError:
            raise
        except StrongroomError as trouble:
            return [unread(self.name, self.where, trouble)]


def examine(sight: Sight, advance: Callable[[], None]) -> list[Finding]:
    """Do all checks, and give what they found, the worst first. `advance` is called after each."""
    checks = [*checks_of(sight)]
    found: list[Finding] = [] if sight.expected.settings else [_without_settings()]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="doctor") as pool:
        for findings in pool.map(Check.findings, checks):
            found += findings
            advance()
    return in_order(found)


def checks_of(sight: Sight) -> Iterator[Check]:
    """Give every check that this stack has something for."""
    yield from _data(sight)
    yield from _work(sight)
    yield from _watch(sight)
    arns = f"identity {sight.who.arn}"
    judge = partial(judge_work.judge_rights, sight.who.arn)
    yield Check("rights", arns, partial(simulate, sight.here, sight.who, sight.expected.said), judge)


def _data(sight: Sight) -> Iterator[Check]:
    expected, here = sight.expected, sight.here
    said, lock = expected.said, expected.lock
    copy = said.copy
    own, repository_key = expected.name("EncryptionKeyArn"), expected.name("RepositoryKeyArn")
    buckets = [
        (said.repository, here, repository_key or own, lock, copy.bucket if copy else None),
        (expected.name("ScratchBucketName"), here, own, None, None),
        (expected.name("AuditBucketName"), here, own, None, None),
        (said.logs, here, None, None, None),
        *([(copy.bucket, sight.there, copy.key_arn, lock, None)] if copy and sight.there else []),
    ]
    for name, reader, key, locked, replica in buckets:
        if name is not None and reader is not None:
            judge = partial(judge_data.judge_bucket, name, key_arn=key, lock=locked, replica=replica)
            yield Check("bucket", name, partial(reader.bucket, name), judge)
    keys = [(key, here) for key in dict.fromkeys((own, repository_key))]
    keys += [(copy.key_arn, sight.there)] if copy and sight.there else []
    for key, reader in keys:
        if key is not None and reader is not None:
            yield Check("key", key, partial(reader.key, key), partial(judge_data.judge_key, key))
    protect = expected.settings.protect if expected.settings else False
    for purpose, name in said.tables.items():
        copied = copy.region if copy and purpose != "dedup" and said.promoted_from is None else None
        judge = partial(judge_data.judge_table, name, copy=copied, protect=protect)
        yield Check("table", name, partial(here.table, name), judge)


def _work(sight: Sight) -> Iterator[Check]:
    expected, here = sight.expected, sight.here
    workers = expected.settings.workers if expected.settings else None
    for purpose, arn in expected.said.functions.items():
        name = arn.rpartition(":function:")[2]
        yield Check(
            "function",
            name,
            partial(here.function, arn),
            partial(judge_work.judge_function, purpose, name, workers=workers),
        )
    reserved = workers.reserved if workers else True
    judge = partial(judge_work.judge_quota, at_once=expected.at_once, reserved=reserved)
    yield Check("quota", "Lambda", here.quota, judge)
    if (group := expected.name("ScheduleGroup")) is not None:
        scheduled = partial(judge_work.judge_schedules, group, paused=expected.paused)
        yield Check("schedules", group, partial(here.schedules, group), scheduled)
    if (worker := expected.said.functions.get("worker")) is not None:
        yield Check("network", worker.rpartition(":function:")[2], partial(_network, sight, worker), _as_found)


def _watch(sight: Sight) -> Iterator[Check]:
    expected, said = sight.expected, sight.expected.said
    prefix = f"{expected.stack}-"
    for reader, where in ((sight.here, said.region), (sight.there, said.copy.region if said.copy else None)):
        if reader is not None and where is not None:
            name = f"{expected.stack} in {where}"
            judge = partial(judge_work.judge_alarms, name, now=sight.now, paused=expected.paused)
            yield Check("alarms", name, partial(reader.alarms, prefix), judge)
    for name, url in said.dead_letters.items():
        read = partial(sight.stack.queue, name, url, dead=True)
        yield Check("queues", name, read, judge_work.judge_dead_letters)
    if (topic := expected.name("NotificationTopicArn")) is not None:
        judge_people = partial(judge_work.judge_subscriptions, topic)
        yield Check("people", topic, partial(sight.here.subscriptions, topic), judge_people)
    if (table := said.tables.get("users")) is not None:
        yield Check("backups", table, partial(sight.stack.users, table), partial(_ages, sight))


def _network(sight: Sight, worker: str) -> list[Finding]:
    """Look for the endpoints of the network that functions run in, if they run in one."""
    network = sight.here.function(worker).network
    if network is None:
        return []
    found = sight.here.endpoints(network)
    return list(judge_work.judge_endpoints(network, found, sight.expected.said.region or ""))


def _ages(sight: Sight, users: Sequence[SourceUser]) -> Iterator[Finding]:
    """Look how old backups are, and whether the newest of them are in the second region."""
    expected = sight.expected
    yield from judge_data.judge_ages(users, sight.now, expected.rpo_hours, paused=expected.paused)
    copy, store = expected.said.copy, sight.replica
    if copy is None or store is None:
        return
    try:
        yield from judge_data.judge_copies(copy.bucket, [*_copied(store, users)], sight.now)
    except CredentialsError:
        raise
    except StrongroomError as trouble:
        yield unread("replication", copy.bucket, trouble)


def _copied(store: BlobStore, users: Sequence[SourceUser]) -> Iterator[Copied]:
    made = [(user.state.good, user) for user in users if user.state.good is not None and user.state.backup_id]
    newest = sorted(made, key=lambda pair: pair[0], reverse=True)[:_NEWEST]
    for when, user in newest:
        backup = user.state.backup_id or ""
        key = commit_key(user.source, user.state.user, backup)
        arrived = any(blob.key == key for blob in store.list(key))
        yield Copied(user.source, user.state.user, backup, when, arrived)


def _as_found(found: Iterable[Finding]) -> Iterable[Finding]:
    return found


def _without_settings() -> Finding:
    what = "memory, timeouts and concurrency of the functions were not compared: the settings are not at hand"
    return remark("drift", "settings", what, "name the folder of Pulumi.<stack>.yaml with --program")
