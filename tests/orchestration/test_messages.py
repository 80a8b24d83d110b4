"""Messages: what is sent is what is received, and nothing else is taken for a message."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.contract.messages import BackupMessage, RestoreMessage
from functions.engine.errors import MessageInvalidError
from functions.engine.orchestration.messages import decode, encode

BACKUP = BackupMessage(run_id="r", source="reports", user="ada", type="FULL", trigger="schedule")
NAMES = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    run_id=NAMES,
    user=NAMES,
    kind=st.sampled_from(["FULL", "INCREMENTAL", "MANUAL"]),
    part=st.integers(0, 99),
    hop=st.integers(0),
    priority=st.booleans(),
)
def test_a_backup_message_survives_the_queue(
    run_id: str, user: str, kind: str, part: int, hop: int, *, priority: bool
) -> None:
    """Whatever a user is called."""
    message = BackupMessage(
        run_id=run_id, source="s", user=user, type=kind, trigger="t", part=part, hop=hop, priority=priority
    )
    assert decode(encode(message), BackupMessage) == message


@given(restore_id=NAMES, task=NAMES)
def test_a_restore_message_survives_the_queue(restore_id: str, task: str) -> None:
    """Whatever the restore is called."""
    message = RestoreMessage(restore_id=restore_id, task=task)
    assert decode(encode(message), RestoreMessage) == message


def test_the_same_message_is_always_the_same_text() -> None:
    """So that duplicates can be seen as such."""
    assert encode(BACKUP) == encode(decode(encode(BACKUP), BackupMessage))


@pytest.mark.parametrize("body", ["", "{", "[]", "7", "null", '"text"', "{}", "\ud800"])
def test_what_is_no_message_is_refused(body: str) -> None:
    """With an error that is not a KeyError."""
    with pytest.raises(MessageInvalidError):
        decode(body, BackupMessage)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_that_is_no_message_is_refused(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Never another error."""
    with pytest.raises(MessageInvalidError):
        decode(json.dumps(value), BackupMessage)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"version": 2}, "version is 2"),
        ({"version": "1"}, "version is '1'"),
        ({"kind": "restore"}, "kind is 'restore'"),
        ({"part": "0"}, "'part' is '0'"),
        ({"part": True}, "'part' is True"),
        ({"part": -1}, "'part' is -1"),
        ({"hop": -1}, "'hop' is -1"),
        ({"type": "SOMETIMES"}, "allowed are FULL, INCREMENTAL, MANUAL"),
        ({"user": None}, "'user' is None"),
        ({"colour": "red"}, "'colour' is unknown"),
        ({"priority": 1}, "'priority' is 1"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], complaint: str) -> None:
    """With its value."""
    document = json.loads(encode(BACKUP)) | change
    with pytest.raises(MessageInvalidError, match=complaint):
        decode(json.dumps(document), BackupMessage)


def test_all_problems_are_named_together() -> None:
    """A person corrects a sender once."""
    with pytest.raises(MessageInvalidError) as caught:
        decode(json.dumps({"version": 1, "kind": "backup", "user": 1, "colour": 2}), BackupMessage)
    for field in ("run_id", "source", "type", "trigger", "user", "colour"):
        assert f"'{field}'" in caught.value.message
