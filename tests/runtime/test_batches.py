"""A batch with a message that kills whoever works on it: it takes nobody along to the dead letters."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.contract.messages import RestoreMessage
from functions.engine.errors import UnavailableError
from functions.engine.orchestration.messages import encode
from functions.engine.orchestration.ports import Envelope
from functions.runtime.batches import HEAD_START, SUSPECTED, THREADS, BatchRunner, Delivery, LaterError, in_order
from functions.runtime.telemetry import Telemetry

RECEIVES = 5


class Context:
    """An invocation with time."""

    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        """Say how long it has."""
        return 900_000


class Killed(BaseException):
    """The process is gone, and with it all that it was to answer."""


class Queue:
    """A queue whose consumer may die. Its messages are named by their restores."""

    def __init__(self, names: list[str]) -> None:
        self.waiting = dict.fromkeys(names, 0)
        self.dead: list[str] = []
        self.done: list[str] = []
        self.removed: list[str] = []
        self.refuses = False
        self._lock = threading.Lock()
        self._gone = False

    def send(self, messages: Sequence[Envelope], *, delay: int = 0) -> None:
        """See Queue."""
        raise AssertionError("nothing is rejected here")

    def hide(self, queue_arn: str, receipt: str, seconds: int) -> None:
        """See Visibility."""

    def remove(self, queue_arn: str, receipt: str) -> None:
        """See Visibility."""
        if self.refuses:
            raise UnavailableError("not now")
        with self._lock:
            if not self._gone:
                self.removed.append(receipt)
                self.waiting.pop(receipt, None)

    def receive(self, names: list[str]) -> list[dict[str, Any]]:
        """Give messages as Lambda hands them over; those received too often are given up."""
        for name in names:
            self.waiting[name] += 1
        for name in [name for name in names if self.waiting[name] > RECEIVES]:
            self.dead.append(name)
            del self.waiting[name]
        return [record(name, self.waiting[name]) for name in names if name in self.waiting]

    def deliver(self, names: list[str], runner: BatchRunner[RestoreMessage], poison: str) -> None:
        """Let a worker have them; it dies at the poison, and whatever it does after that counts for nothing."""
        self._gone, records = False, self.receive(names)
        if not records:
            return

        def work(message: RestoreMessage, delivery: Delivery) -> None:
            name = message.restore_id
            with self._lock:
                if self._gone or name == poison:
                    self._gone = True
                    raise Killed
                self.done.append(name)

        try:
            response = runner.run({"Records": records}, Context(), work)
        except Killed:
            return
        failed = {item["itemIdentifier"] for item in response["batchItemFailures"]}
        for name in set(names) - failed:
            self.waiting.pop(name, None)


def record(name: str, received: int = 1) -> dict[str, Any]:
    """A message as Lambda hands it over."""
    return {
        "messageId": name,
        "receiptHandle": name,
        "body": encode(RestoreMessage(restore_id=name, task="t")),
        "attributes": {"ApproximateReceiveCount": str(received), "SentTimestamp": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:restores",
        "awsRegion": "us-east-1",
    }


def runner_of(queue: Queue, head_start: float = HEAD_START) -> BatchRunner[RestoreMessage]:
    """A runner on a queue."""
    return BatchRunner(RestoreMessage, queue, queue, Telemetry("test", "test", "CRITICAL"), head_start)


@given(st.integers(1, 30), st.data())
def test_only_the_message_that_kills_is_given_up(number: int, data: st.DataObject) -> None:
    """Whoever shares a batch with it, in whatever order: everybody else is done and gone from the queue."""
    names = [f"m{one:02}" for one in range(number)]
    poison, random = data.draw(st.sampled_from(names)), Random(data.draw(st.integers()))
    queue = Queue(names)
    runner = runner_of(queue)
    for _ in range(100):
        if not queue.waiting:
            break
        waiting = list(queue.waiting)
        queue.deliver(random.sample(waiting, min(len(waiting), THREADS)), runner, poison)
    assert not queue.waiting
    assert queue.dead == [poison]
    assert set(queue.done) == set(names) - {poison}


def test_what_has_never_failed_is_worked_on_side_by_side_and_left_to_the_response() -> None:
    """As long as nobody is suspected: a call for each message would be money for nothing."""
    queue, together = Queue([f"m{one}" for one in range(THREADS)]), threading.Barrier(THREADS, timeout=10)

    def work(message: RestoreMessage, delivery: Delivery) -> None:
        together.wait()

    answer = runner_of(queue).run({"Records": queue.receive(list(queue.waiting))}, Context(), work)
    assert answer == {"batchItemFailures": []}
    assert queue.removed == []


def test_the_suspected_come_last_and_turn_round_with_each_receive() -> None:
    """The least suspected first."""
    names = {
        received: [one["messageId"] for one in in_order([record(name, received) for name in "bca"])[1]]
        for received in (SUSPECTED, SUSPECTED + 1, SUSPECTED + 2)
    }
    assert names == {3: ["a", "b", "c"], 4: ["c", "b", "a"], 5: ["a", "b", "c"]}
    together, one_by_one = in_order([record("z", 5), record("y", 2), record("x", 3), record("w", 1)])
    assert [one["messageId"] for one in together] == ["y", "w"]
    assert [one["messageId"] for one in one_by_one] == ["x", "z"]


def test_a_suspected_message_that_takes_long_does_not_hold_up_the_others() -> None:
    """It has a head start; then the next one begins beside it."""
    queue, others = Queue(["long", "short"]), threading.Event()

    def work(message: RestoreMessage, delivery: Delivery) -> None:
        if message.restore_id == "long":
            assert others.wait(10)
        else:
            others.set()

    records = [record("long", SUSPECTED), record("short", SUSPECTED)]
    assert runner_of(queue, 0.05).run({"Records": records}, Context(), work) == {"batchItemFailures": []}
    assert queue.removed == ["short", "long"]


def test_what_failed_stays_in_the_queue() -> None:
    """Also when it is suspected."""
    queue = Queue(["later", "wrong", "good"])

    def work(message: RestoreMessage, delivery: Delivery) -> None:
        if message.restore_id == "later":
            raise LaterError("not yet", 5)
        if message.restore_id == "wrong":
            raise UnavailableError("no")

    answer = runner_of(queue).run({"Records": [record(name, 4) for name in queue.waiting]}, Context(), work)
    assert {item["itemIdentifier"] for item in answer["batchItemFailures"]} == {"later", "wrong"}
    assert queue.removed == ["good"]


@pytest.mark.parametrize("received", [SUSPECTED, RECEIVES])
def test_a_message_that_cannot_be_removed_is_left_to_the_response(received: int) -> None:
    """Lambda removes what is done."""
    queue = Queue(["a"])
    queue.refuses = True
    answer = runner_of(queue).run({"Records": [record("a", received)]}, Context(), lambda *_: None)
    assert answer == {"batchItemFailures": []}
