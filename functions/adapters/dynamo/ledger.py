"""The orchestration's Ledger on a DynamoDB table: runs in one, restores in another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from functions.adapters.dynamo.table import Expression, Table, Update
from functions.adapters.records import (
    Record,
    decode_facts,
    encode_facts,
    expiry,
    milliseconds,
    moment_of,
    parse_time,
    shortened,
)
from functions.contract.tables import STATUS, STATUS_INDEX, TIMESTAMP, TTL, LedgerTable
from functions.engine.backup import rfc3339
from functions.engine.errors import NotFoundError
from functions.engine.orchestration.ports import Claim, ClaimState, Facts, Lease, Planned, Work

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_CLAIMED = "CLAIMED"
_DONE = "DONE"
_KEPT = 1_000
_PAGE = 200
_NOBODY = ""


class DynamoLedger:
    """One partition a piece of work; every decision is one conditional write.

    A partition takes 1,000 writes and 3,000 reads of small items a second (Amazon DynamoDB Developer Guide,
    "Partitions and data distribution"). A task costs one write when planned, one when claimed and four when finished,
    so one run moves 150 tasks a second at most, whatever the table's capacity; what is throttled is asked again.
    """

    def __init__(
        self, client: Callable[[], DynamoDBClient], table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Use `table`. `client` is called once, when the ledger is first needed."""
        self._table = Table(client, table, sleep)
        self._expiries: dict[str, int] = {}
        self._lock = threading.Lock()

    def open(self, work: Work, expires: datetime) -> Work:
        """See Ledger."""
        record = _record_of(work, expires)
        expression = Expression()
        answer = self._table.put(
            record, f"attribute_not_exists({expression.name(LedgerTable.PARTITION_KEY)})", expression
        )
        return _work_of(record if answer.done else answer.item)

    def get(self, work_id: str) -> Work:
        """See Ledger."""
        return _work_of(self._find(work_id))

    def with_status(self, status: str, since: datetime | None = None) -> Iterator[Work]:
        """See Ledger."""
        expression = Expression()
        condition = f"{expression.name(STATUS)} = {expression.value(status)}"
        if since is not None:
            condition += f" AND {expression.name(TIMESTAMP)} >= {expression.value(rfc3339(since.astimezone(UTC)))}"
        return map(_work_of, self._table.query(condition, expression, IndexName=STATUS_INDEX))

    def latest(self, status: str, since: datetime, until: str) -> Iterator[Work]:
        """Give the work that has this status, started from `since` to `until`, newest first, page by page."""
        first = rfc3339(since.astimezone(UTC))
        if first > until:  # which DynamoDB refuses to be asked for
            return iter(())
        e = Expression()
        condition = f"{e.name(STATUS)} = {e.value(status)}"
        condition += f" AND {e.name(TIMESTAMP)} BETWEEN {e.value(first)} AND {e.value(until)}"
        found = self._table.query(condition, e, IndexName=STATUS_INDEX, ScanIndexForward=False, Limit=_PAGE)
        return map(_work_of, found)

    def change(self, work_id: str, before: Iterable[str], after: str, facts: Facts | None = None) -> bool:
        """See Ledger."""
        allowed = sorted(set(before))
        if not allowed:
            return False
        values: Record = {STATUS: after}
        if facts is not None:
            values[LedgerTable.FACTS] = encode_facts(facts, work_id)
        expression = Expression()
        condition = f"{expression.name(STATUS)} IN ({', '.join(map(expression.value, allowed))})"
        change = f"SET {expression.sets(values)}"
        return all(self._table.update_once(Update(_key(work_id), change, condition, expression)))

    def acquire(self, source: str, token: str, run_id: str, now: datetime, until: datetime) -> Lease:
        """See Ledger. Whom the holder replaced is kept, so that a call whose answer was lost can tell it again."""
        e = Expression()
        holder, held_until = e.name(LedgerTable.HOLDER), e.name(LedgerTable.UNTIL)
        free = f"attribute_not_exists({holder}) OR {held_until} <= {e.value(milliseconds(now))}"
        condition = (
            f"attribute_not_exists({e.name(LedgerTable.PARTITION_KEY)})"
            f" OR ({e.name(LedgerTable.TOKEN)} <> {e.value(token)} AND ({free}))"
        )
        taken: Record = {LedgerTable.TOKEN: token, LedgerTable.HOLDER: run_id, LedgerTable.UNTIL: milliseconds(until)}
        change = f"SET {e.name(LedgerTable.REPLACED)} = if_not_exists({holder}, {e.value(_NOBODY)}), {e.sets(taken)}"
        answer = self._table.update(Update(_lease_key(source), change, condition, e))
        item = answer.item
        return Lease(
            granted=answer.done or item[LedgerTable.TOKEN] == token,
            run_id=str(item[LedgerTable.HOLDER] if LedgerTable.HOLDER in item else item[LedgerTable.LAST]),
            ended=LedgerTable.HOLDER not in item,
            replaced=str(item[LedgerTable.REPLACED]) or None if item[LedgerTable.TOKEN] == token else None,
        )

    def release(self, source: str, run_id: str) -> None:
        """See Ledger."""
        e = Expression()
        holder = e.name(LedgerTable.HOLDER)
        change = f"SET {e.name(LedgerTable.LAST)} = {holder} REMOVE {holder}, {e.name(LedgerTable.UNTIL)}"
        self._table.update(Update(_lease_key(source), change, f"{holder} = {e.value(run_id)}", e))

    def plan(self, work_id: str, tasks: Iterable[Planned], expires: datetime) -> None:
        """See Ledger."""
        items = (
            {
                **_key(work_id, LedgerTable.PLAN_PREFIX + planned.task),
                LedgerTable.FACTS: encode_facts(planned.facts, f"task {planned.task!r} of {work_id}"),
                TTL: expiry(expires),
            }
            for planned in tasks
        )
        self._table.write_all(items, lambda item: item[LedgerTable.SORT_KEY])

    def planned(self, work_id: str) -> Iterator[Planned]:
        """See Ledger."""
        return map(_planned_of, self._items(work_id, LedgerTable.PLAN_PREFIX))

    def planned_task(self, work_id: str, task: str) -> Planned:
        """See Ledger."""
        item = self._table.get(_key(work_id, LedgerTable.PLAN_PREFIX + task))
        if item is None:
            raise NotFoundError(f"{work_id} has no task {task!r}")
        return _planned_of(item)

    def seal(self, work_id: str) -> Work:
        """See Ledger."""
        e = Expression()
        count = self._table.count(_below(work_id, LedgerTable.PLAN_PREFIX, e), e)
        e = Expression()
        expected = e.name(LedgerTable.EXPECTED)
        change = f"SET {expected} = if_not_exists({expected}, {e.value(count)})"
        answer = self._table.update(Update(_key(work_id), change, _exists(e), e))
        if not answer.done:
            raise _no_work(work_id)
        return _work_of(answer.item)

    def claim(self, work_id: str, task: str, owner: str, now: datetime, until: datetime, part: int = 0) -> Claim:
        """See Ledger. One write; that the work exists is read once a process, for it never ceases to."""
        expires = self._expiry_of(work_id)
        known = self._table.get(_task_key(work_id, task)) if part else None
        if known is not None and known.get(LedgerTable.STATE) == _DONE:
            return Claim(ClaimState.DONE, now, _facts_of(known))
        answer = self._table.update(_claim(_task_key(work_id, task, part), owner, now, until, expires))
        facts = _facts_of(known or answer.item)
        if answer.item.get(LedgerTable.STATE) == _DONE:
            return Claim(ClaimState.DONE, now, facts)
        state = ClaimState.GRANTED if answer.done else ClaimState.HELD
        return Claim(state, moment_of(_number(answer.item, LedgerTable.UNTIL)), facts)

    def note(self, work_id: str, task: str, facts: Facts) -> Facts:
        """See Ledger."""
        e = Expression()
        noted = e.name(LedgerTable.FACTS)
        text = encode_facts(facts, f"task {task!r} of {work_id}")
        item = self._touch(work_id, task, f"SET {noted} = if_not_exists({noted}, {e.value(text)})", e)
        return decode_facts(str(item[LedgerTable.FACTS]))

    def yield_claim(self, work_id: str, task: str, owner: str, part: int = 0) -> None:
        """See Ledger."""
        e = Expression()
        held_by = e.name(LedgerTable.OWNER)
        change = f"REMOVE {held_by}, {e.name(LedgerTable.UNTIL)}"
        self._table.update(Update(_task_key(work_id, task, part), change, f"{held_by} = {e.value(owner)}", e))

    def finish_part(self, work_id: str, task: str, part: int) -> frozenset[int]:
        """See Ledger."""
        e = Expression()
        change = f"ADD {e.name(LedgerTable.PARTS)} {e.value(frozenset({part}))}"
        parts = self._touch(work_id, task, change, e)[LedgerTable.PARTS]
        return parts if isinstance(parts, frozenset) else frozenset()

    def finish(self, work_id: str, task: str, outcome: str, counts: Mapping[str, int]) -> Work:
        """See Ledger. One transaction, so that a task counts if and only if it is done."""
        expires = self._expiry_of(work_id)
        _first, exists = self._table.update_once(
            _finish(_task_key(work_id, task), shortened(outcome), expires), _add(_key(work_id), counts)
        )
        if not exists:
            raise _no_work(work_id)
        return self.get(work_id)

    def missing(self, work_id: str) -> Iterator[str]:
        """See Ledger. Two sorted queries are merged, so nobody holds all names in memory."""
        done = self.outcomes(work_id)
        latest, _outcome = next(done, (None, ""))
        for planned in self.planned(work_id):
            while latest is not None and latest < planned.task:
                latest, _outcome = next(done, (None, ""))
            if planned.task != latest:
                yield planned.task

    def outcomes(self, work_id: str) -> Iterator[tuple[str, str]]:
        """See Ledger."""
        e = Expression()
        done = f"{e.name(LedgerTable.STATE)} = {e.value(_DONE)}"
        for item in self._items(work_id, LedgerTable.TASK_PREFIX, e, FilterExpression=done):
            yield _name_of(item, LedgerTable.TASK_PREFIX), str(item[LedgerTable.OUTCOME])

    def begin_close(self, work_id: str, now: datetime, until: datetime) -> bool:
        """See Ledger."""
        e = Expression()
        closing = e.name(LedgerTable.CLOSING)
        free = f"attribute_not_exists({closing}) OR {closing} <= {e.value(milliseconds(now))}"
        change = f"SET {closing} = {e.value(milliseconds(until))}"
        return all(self._table.update_once(Update(_key(work_id), change, f"{_exists(e)} AND ({free})", e)))

    def _find(self, work_id: str) -> Record:
        item = self._table.get(_key(work_id))
        if item is None:
            raise _no_work(work_id)
        return item

    def _expiry_of(self, work_id: str) -> int:
        """Give when the items of a piece of work may be forgotten. NotFoundError when there is none."""
        with self._lock:
            known = self._expiries.get(work_id)
        if known is None:
            known = _number(self._find(work_id), TTL)
            with self._lock:
                if len(self._expiries) >= _KEPT:
                    self._expiries.clear()
                self._expiries[work_id] = known
        return known

    def _touch(self, work_id: str, task: str, change: str, expression: Expression) -> Record:
        """Change a task's item, or make it; `change` has no SET behind another clause."""
        expires, ttl = self._expiry_of(work_id), expression.name(TTL)
        kept = f"{ttl} = if_not_exists({ttl}, {expression.value(expires)})"
        change = f"{change}, {kept}" if change.startswith("SET ") else f"{change} SET {kept}"
        return self._table.update(Update(_task_key(work_id, task), change, None, expression)).item

    def _items(
        self,
        work_id: str,
        prefix: str,
        expression: Expression | None = None,
        **arguments: Any,  # noqa: ANN401
    ) -> Iterator[Record]:
        expression = expression or Expression()
        return self._table.query(_below(work_id, prefix, expression), expression, **arguments)


def _key(work_id: str, item: str = LedgerTable.WORK) -> Record:
    return {LedgerTable.PARTITION_KEY: work_id, LedgerTable.SORT_KEY: item}


def _lease_key(source: str) -> Record:
    return _key(LedgerTable.SOURCE_PREFIX + source, LedgerTable.LEASE)


def _task_key(work_id: str, task: str, part: int = 0) -> Record:
    return _key(work_id, f"{LedgerTable.PART_PREFIX}{task}#{part}" if part else LedgerTable.TASK_PREFIX + task)


def _name_of(item: Record, prefix: str) -> str:
    return str(item[LedgerTable.SORT_KEY]).removeprefix(prefix)


def _below(work_id: str, prefix: str, expression: Expression) -> str:
    partition, sort = expression.name(LedgerTable.PARTITION_KEY), expression.name(LedgerTable.SORT_KEY)
    return f"{partition} = {expression.value(work_id)} AND begins_with({sort}, {expression.value(prefix)})"


def _exists(expression: Expression) -> str:
    return f"attribute_exists({expression.name(LedgerTable.PARTITION_KEY)})"


def _claim(key: Record, owner: str, now: datetime, until: datetime, expires: int) -> Update:
    e = Expression()
    state, held_by, held_until = (e.name(LedgerTable.STATE), e.name(LedgerTable.OWNER), e.name(LedgerTable.UNTIL))
    free = f"attribute_not_exists({held_until}) OR {held_until} <= {e.value(milliseconds(now))}"
    condition = (
        f"(attribute_not_exists({state}) OR {state} <> {e.value(_DONE)}) AND ({free} OR {held_by} = {e.value(owner)})"
    )
    claimed: Record = {
        LedgerTable.STATE: _CLAIMED,
        LedgerTable.OWNER: owner,
        LedgerTable.UNTIL: milliseconds(until),
        TTL: expires,
    }
    return Update(key, f"SET {e.sets(claimed)}", condition, e)


def _finish(key: Record, outcome: str, expires: int) -> Update:
    e = Expression()
    state = e.name(LedgerTable.STATE)
    done: Record = {LedgerTable.STATE: _DONE, LedgerTable.OUTCOME: outcome, TTL: expires}
    change = f"SET {e.sets(done)} REMOVE {e.name(LedgerTable.OWNER)}, {e.name(LedgerTable.UNTIL)}"
    return Update(key, change, f"attribute_not_exists({state}) OR {state} <> {e.value(_DONE)}", e)


def _add(key: Record, counts: Mapping[str, int]) -> Update:
    e = Expression()
    sums = {LedgerTable.DONE: 1} | {LedgerTable.COUNT_PREFIX + name: count for name, count in counts.items()}
    added = ", ".join(f"{e.name(name)} {e.value(count)}" for name, count in sums.items())
    return Update(key, f"ADD {added}", _exists(e), e)


def _record_of(work: Work, expires: datetime) -> Record:
    expected: Record = {LedgerTable.EXPECTED: work.expected} if work.expected is not None else {}
    return {
        **_key(work.id),
        STATUS: work.status,
        TIMESTAMP: rfc3339(work.started.astimezone(UTC)),
        TTL: expiry(expires),
        LedgerTable.FACTS: encode_facts(work.facts, work.id),
        LedgerTable.DONE: work.done,
        **expected,
        **{LedgerTable.COUNT_PREFIX + name: count for name, count in work.counts.items()},
    }


def _work_of(record: Record) -> Work:
    prefix = LedgerTable.COUNT_PREFIX
    return Work(
        id=str(record[LedgerTable.PARTITION_KEY]),
        status=str(record[STATUS]),
        started=parse_time(str(record[TIMESTAMP])),
        facts=decode_facts(str(record[LedgerTable.FACTS])),
        expected=_number(record, LedgerTable.EXPECTED) if LedgerTable.EXPECTED in record else None,
        done=_number(record, LedgerTable.DONE),
        counts={name.removeprefix(prefix): _number(record, name) for name in record if name.startswith(prefix)},
    )


def _planned_of(item: Record) -> Planned:
    return Planned(_name_of(item, LedgerTable.PLAN_PREFIX), decode_facts(str(item[LedgerTable.FACTS])))


def _facts_of(item: Record) -> Facts | None:
    text = item.get(LedgerTable.FACTS)
    return decode_facts(str(text)) if text is not None else None


def _number(record: Record, attribute: str) -> int:
    return int(str(record[attribute]))


def _no_work(work_id: str) -> NotFoundError:
    return NotFoundError(f"there is no work {work_id}")
