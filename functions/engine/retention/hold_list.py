"""All holds there ever were, for people: who set them and why, and who released them. Collections read the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from functions.contract.object_keys import HOLD_RELEASED_NAME, HOLDS, HoldKey, hold_key, parse_hold_key
from functions.engine.errors import ConflictError, NotFoundError
from functions.engine.model import Buffer
from functions.engine.ports import BlobStore
from functions.engine.repository import look_ahead
from functions.engine.retention.policy import Hold

_AHEAD = 64


@dataclass(slots=True)
class HoldStory:
    """A hold, and what its two objects say. What cannot be read is empty, and the hold counts all the same."""

    hold: Hold
    set: dict[str, Any]
    released: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        ended = self.released or {}
        return {
            "hold": self.hold.hold_id,
            "source": self.hold.source,
            "user": self.hold.user,
            "backup": self.hold.backup_id,
            "reason": self.hold.reason,
            "by": self.set.get("by"),
            "time": self.set.get("time"),
            "released": ended.get("time") or (self.released is not None),
            "released_by": ended.get("by"),
            "released_reason": ended.get("reason"),
        }


def all_holds(store: BlobStore) -> list[HoldStory]:
    """Give all holds, released or not, oldest first."""
    stories: dict[tuple[str, str, str], HoldStory] = {}
    released: dict[tuple[str, str, str], dict[str, Any]] = {}
    for parsed, answer in look_ahead(lambda key: (key, store.get(hold_key(*key))), _keys(store), _AHEAD):
        document = _decode(answer)
        if parsed.name == HOLD_RELEASED_NAME:
            released[parsed[:3]] = document
            continue
        reason = str(document.get("reason", "it cannot be read, so it counts for the whole user"))
        hold = Hold(parsed.hold_id, parsed.source, parsed.user, document.get("backup_id"), reason)
        stories[parsed[:3]] = HoldStory(hold, document)
    for name, document in released.items():
        if name in stories:
            stories[name].released = document
    return sorted(stories.values(), key=lambda story: story.hold.hold_id)


def standing_hold(store: BlobStore, hold_id: str) -> Hold:
    """Give a hold by its id. NotFoundError when there is none, ConflictError when it was released before."""
    story = next((story for story in all_holds(store) if story.hold.hold_id == hold_id), None)
    if story is None:
        raise NotFoundError(f"there is no hold {hold_id}", hint="`strongroom holds` lists them")
    if story.released is not None:
        raise ConflictError(
            f"hold {hold_id} was released before, {story.released.get('time', 'some time ago')}",
            hint="nothing is left to do; to hold again, set a new one",
        )
    return story.hold


def _keys(store: BlobStore) -> Iterator[HoldKey]:
    found = (parse_hold_key(blob.key) for blob in store.list(HOLDS))
    return (parsed for parsed in found if parsed is not None)


def _decode(answer: Future[Buffer]) -> dict[str, Any]:
    try:
        document = json.loads(bytes(answer.result()))
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
