"""The orchestration's Notifier on an Amazon SNS topic."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

from functions.adapters.aws_calls import AwsCalls
from functions.engine.orchestration.ports import Notice

if TYPE_CHECKING:
    from types_boto3_sns.client import SNSClient

_SUBJECT_LENGTH = 100
_BODY_BYTES = 262_144
"""Characters of a subject and bytes of a message (Amazon SNS API Reference, Publish)."""
_NO_SUBJECT = "Strongroom"
_CUT = "\n\n[The rest of this message was cut off: a notification may have 256 KB.]\n"
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]+")


class SnsNotifier:
    """One topic."""

    def __init__(
        self, client: Callable[[], SNSClient], topic_arn: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Publish to the topic. `client` is called once, when something is first published."""
        self._arn = topic_arn
        self._calls: AwsCalls[SNSClient] = AwsCalls(client, f"topic {topic_arn}", sleep)

    def publish(self, notice: Notice) -> None:
        """See Notifier. What SNS would refuse is made fit: no notice is lost because of a name in it."""
        subject, body = subject_of(notice.subject), body_of(notice.body)
        self._calls.call(
            "sns:Publish", lambda client: client.publish(TopicArn=self._arn, Subject=subject, Message=body)
        )


def subject_of(text: str) -> str:
    """Give a subject as SNS takes it: one line of ASCII, up to 100 characters, not empty; accents are dropped."""
    letters = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    line = " ".join(_NOT_PRINTABLE.sub(" ", letters.encode("ascii", "replace").decode()).split())
    if len(line) > _SUBJECT_LENGTH:
        line = f"{line[: _SUBJECT_LENGTH - 3].rstrip()}..."
    return line or _NO_SUBJECT


def body_of(text: str) -> str:
    """Give a message as SNS takes it: not empty, and cut to 256 KB with a line that says so."""
    data = text.encode("utf-8", "replace")
    if len(data) <= _BODY_BYTES:
        return data.decode() or _NO_SUBJECT
    return data[: _BODY_BYTES - len(_CUT)].decode("utf-8", "ignore") + _CUT
