"""SQS and SNS: what is sent is what was given, in as few requests as the services take, made fit where it must be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from functions.adapters.sns import SnsNotifier, body_of, subject_of
from functions.adapters.sqs import SqsQueue, SqsVisibility
from functions.engine.errors import AccessError, NotFoundError, RequestError, StrongroomError, UnavailableError
from functions.engine.orchestration.ports import Envelope, Notice
from sandbox.ministack import MiniStack

URL = "https://queue.invalid/1/jobs"
THROTTLED = ClientError({"Error": {"Code": "AWS.SimpleQueueService.RequestThrottled", "Message": "slow"}}, "x")


class FakeQueue:
    """A queue behind a client that refuses what it is told to."""

    def __init__(self, refuse: Callable[[int, dict[str, Any]], dict[str, Any] | None] = lambda _n, _e: None) -> None:
        """Refuse the entries for which `refuse`, given the number of the request and the entry, gives a failure."""
        self.taken: list[dict[str, Any]] = []
        self.requests: list[int] = []
        self.errors: list[Exception] = []
        self._refuse = refuse

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """See SQS."""
        assert QueueUrl == URL
        assert 0 < len(Entries) <= 10
        assert sum(len(entry["MessageBody"].encode()) for entry in Entries) <= 1_048_576
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        self.requests.append(len(Entries))
        if self.errors:
            raise self.errors.pop(0)
        failed = []
        for entry in Entries:
            failure = self._refuse(len(self.requests), entry)
            if failure is None:
                self.taken.append(entry)
            else:
                failed.append({"Id": entry["Id"], **failure})
        return {"Successful": [], "Failed": failed} if failed else {"Successful": []}


def queue_on(fake: FakeQueue, sleeps: list[float] | None = None) -> SqsQueue:
    """Give a queue that does not really wait."""
    slept = sleeps if sleeps is not None else []
    return SqsQueue(lambda: fake, URL, slept.append)  # type: ignore[arg-type, return-value]


def bodies(fake: FakeQueue) -> list[str]:
    """Give the bodies that the queue took."""
    return [entry["MessageBody"] for entry in fake.taken]


@pytest.mark.parametrize(("count", "requests"), [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (40, [10] * 4)])
def test_messages_are_sent_ten_at_a_time(count: int, requests: list[int]) -> None:
    """In their order."""
    fake = FakeQueue()
    queue_on(fake).send([Envelope(f"body {number}", "alice") for number in range(count)])
    assert fake.requests == requests
    assert bodies(fake) == [f"body {number}" for number in range(count)]


def test_no_batch_is_larger_than_the_service_takes() -> None:
    """1 MiB in all, counted in bytes; a message that fills one is sent alone."""
    fake = FakeQueue()
    texts = ["\u00e9" * 262_144, "\u00e9" * 262_144, "x", "y" * 1_048_576, "z"]
    queue_on(fake).send([Envelope(text, "alice") for text in texts])
    assert fake.requests == [2, 1, 1, 1]
    assert bodies(fake) == texts


def test_what_is_refused_for_now_is_sent_again() -> None:
    """That alone, after a while, until all is taken."""
    fake = FakeQueue(
        lambda request, entry: {"Code": "InternalError", "SenderFault": False} if int(entry["Id"]) >= 3 else None
    )
    sleeps: list[float] = []
    queue_on(fake, sleeps).send([Envelope(str(number), "alice") for number in range(10)])
    assert fake.requests == [10, 7, 4, 1]
    assert sorted(bodies(fake)) == [str(number) for number in range(10)]
    assert len(sleeps) == 3


def test_a_queue_that_takes_nothing_is_unavailable() -> None:
    """After a bounded number of attempts."""
    fake = FakeQueue(lambda _request, _entry: {"Code": "InternalError", "SenderFault": False})
    with pytest.raises(UnavailableError, match=re.escape(f"sqs:SendMessage on queue {URL}")):
        queue_on(fake).send([Envelope("a", "b")])
    assert 2 <= len(fake.requests) <= 20


def test_a_message_at_fault_is_not_sent_again() -> None:
    """The error keeps the service's words."""
    fake = FakeQueue(lambda _request, _entry: {"Code": "InvalidMessageContents", "SenderFault": True, "Message": "bad"})
    with pytest.raises(RequestError, match="1 of 1 messages are refused: InvalidMessageContents: bad"):
        queue_on(fake).send([Envelope("\x00", "b")])
    assert fake.requests == [1]


@pytest.mark.parametrize("error", [THROTTLED, ReadTimeoutError(endpoint_url="x")])
def test_a_request_without_an_answer_is_made_again(error: Exception) -> None:
    """A message may come twice, it never gets lost."""
    fake = FakeQueue()
    fake.errors = [error, error]
    queue_on(fake).send([Envelope("a", "b")])
    assert fake.requests == [1, 1, 1]
    assert bodies(fake) == ["a"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AWS.SimpleQueueService.NonExistentQueue", NotFoundError),
        ("AccessDenied", AccessError),
        ("KmsAccessDenied", AccessError),
        ("InvalidAddress", RequestError),
    ],
)
def test_a_refusal_is_final_and_becomes_an_error_of_the_tree(code: str, kind: type[StrongroomError]) -> None:
    """It names the queue and what to grant."""
    fake = FakeQueue()
    fake.errors = [ClientError({"Error": {"Code": code, "Message": "because"}}, "SendMessageBatch")]
    with pytest.raises(kind, match=re.escape(URL)):
        queue_on(fake).send([Envelope("a", "b")])
    assert fake.requests == [1]


@pytest.mark.parametrize(("delay", "seconds"), [(0, None), (1, 1), (900, 900), (5_000, 900)])
def test_a_delay_is_at_most_what_the_service_takes(delay: int, seconds: int | None) -> None:
    """A message that comes early is put off again by its receiver."""
    fake = FakeQueue()
    queue_on(fake).send([Envelope("a", "b")], delay=delay)
    assert fake.taken[0].get("DelaySeconds") == seconds


@pytest.mark.parametrize("group", ["", "alice", "a b", "\u65e5\u672c\u8a9e", "x" * 128, "x" * 129, "\u00e9" * 500])
def test_any_name_can_be_a_group(group: str) -> None:
    """Different names stay different groups."""
    fake = FakeQueue()
    queue_on(fake).send([Envelope("a", group), Envelope("a", f"{group}2")])
    first, second = (entry["MessageGroupId"] for entry in fake.taken)
    assert re.fullmatch(r"[!-~]{1,128}", first)
    assert first != second


def test_a_real_queue_takes_it_all(ministack: MiniStack) -> None:
    """Body, group and number."""
    client = boto3.client("sqs", endpoint_url=ministack.endpoint)
    url = client.create_queue(QueueName="messaging-test")["QueueUrl"]
    SqsQueue(lambda: client, url).send([Envelope(f'{{"number": {number}}}', "a b") for number in range(23)])
    seen: set[str] = set()
    while len(seen) < 23:
        answer = client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageSystemAttributeNames=["MessageGroupId"]
        )
        assert answer["Messages"], "messages are missing"
        assert {message["Attributes"]["MessageGroupId"] for message in answer["Messages"]} == {"a%20b"}
        seen |= {message["Body"] for message in answer["Messages"]}
    assert seen == {f'{{"number": {number}}}' for number in range(23)}


def test_a_received_message_is_hidden_or_removed_by_its_queue(ministack: MiniStack) -> None:
    """By the ARN that Lambda names."""
    client = boto3.client("sqs", endpoint_url=ministack.endpoint)
    url = client.create_queue(QueueName="messaging-received")["QueueUrl"]
    visibility, arn = SqsVisibility(lambda: client, [url]), "arn:aws:sqs:us-east-1:000000000000:messaging-received"

    def receive() -> list[str]:
        found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=900).get("Messages", [])
        return [message["ReceiptHandle"] for message in found]

    SqsQueue(lambda: client, url).send([Envelope("a message", "a")])
    (receipt,) = receive()
    assert receive() == []
    visibility.hide(arn, receipt, 0)
    (receipt,) = receive()
    visibility.remove(arn, receipt)
    counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert {value for name, value in counts.items() if name.startswith("ApproximateNumber")} == {"0"}
    for call in (visibility.remove, lambda queue, handle: visibility.hide(queue, handle, 1)):
        with pytest.raises(NotFoundError, match="is not one that this function knows"):
            call(f"{arn}-other", receipt)


# ----------------------------------------------------------------------------------------- notices


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Backup COMPLETED: 3 users", "Backup COMPLETED: 3 users"),
        ("two\nlines\r\n and\ttabs ", "two lines and tabs"),
        ("caf\u00e9 na\u00efve", "cafe naive"),
        ("\u65e5\u672c \x00 x", "?? x"),
        ("", "Strongroom"),
        ("\n", "Strongroom"),
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 97 + "..."),
    ],
)
def test_a_subject_is_made_fit(text: str, subject: str) -> None:
    """One line of ASCII, not empty, 100 characters at most."""
    assert subject_of(text) == subject


def test_a_body_is_cut_and_says_so() -> None:
    """To the byte, and between two characters."""
    assert body_of("\u00e9" * 131_072) == "\u00e9" * 131_072
    cut = body_of("\u00e9" * 131_073)
    assert 262_140 <= len(cut.encode()) <= 262_144
    assert "cut off" in cut
    assert body_of("") == "Strongroom"


class FakeTopic:
    """A topic behind a client that fails as told."""

    def __init__(self, *errors: Exception) -> None:
        """Raise `errors` first, one a call."""
        self.published: list[dict[str, str]] = []
        self.calls = 0
        self._errors = list(errors)

    def publish(self, **arguments: str) -> None:
        """See SNS."""
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        self.published.append(arguments)


def test_a_notice_is_published_even_when_the_service_is_slow() -> None:
    """With all that it says."""
    topic = FakeTopic(ClientError({"Error": {"Code": "Throttled", "Message": "slow"}}, "Publish"))
    notifier = SnsNotifier(lambda: topic, "arn:topic", lambda _seconds: None)  # type: ignore[arg-type, return-value]
    notifier.publish(Notice("Backup\nskipped", "why"))
    assert topic.published == [{"TopicArn": "arn:topic", "Subject": "Backup skipped", "Message": "why"}]


@pytest.mark.parametrize(("code", "kind"), [("NotFound", NotFoundError), ("AuthorizationError", AccessError)])
def test_a_topic_that_cannot_be_published_to_is_an_error(code: str, kind: type[StrongroomError]) -> None:
    """It names the topic."""
    topic = FakeTopic(ClientError({"Error": {"Code": code, "Message": "because"}}, "Publish"))
    notifier = SnsNotifier(lambda: topic, "arn:topic", lambda _seconds: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(kind, match="sns:Publish on topic arn:topic"):
        notifier.publish(Notice("a", "b"))
    assert topic.calls == 1


def test_a_real_topic_takes_it(ministack: MiniStack) -> None:
    """Also what had to be made fit."""
    sns = boto3.client("sns", endpoint_url=ministack.endpoint)
    sqs = boto3.client("sqs", endpoint_url=ministack.endpoint)
    arn = sns.create_topic(Name="notices-test")["TopicArn"]
    url = sqs.create_queue(QueueName="notices-test")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    SnsNotifier(lambda: sns, arn).publish(Notice("caf\u00e9\n", "body \u00e9"))
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert '"Subject": "cafe"' in message["Body"]
    assert "body" in message["Body"]
