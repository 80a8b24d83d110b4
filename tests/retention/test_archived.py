"""Packs in an archive class: their index cannot be read, and no collection ends for it."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from functions.adapters.memory import answered
from functions.contract.object_keys import PACKS
from functions.engine.errors import BlobArchivedError
from functions.engine.ports import Tail
from tests.retention.collecting import collected, ripe_world


def test_an_archived_pack_that_nobody_needs_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What leads to it cannot be found out. Everything else goes its way."""
    world = ripe_world()
    get_tail = world.store.get_tail

    def frozen(key: str, length: int) -> Future[Tail]:
        def refuse() -> Tail:
            raise BlobArchivedError(f"{key} lies in an archive class")

        return answered(refuse) if key.startswith(PACKS) else get_tail(key, length)

    monkeypatch.setattr(world.store, "get_tail", frozen)
    damaged = set()
    for _ in range(5):
        world.pass_time(24)
        damaged |= set(collected(world).damaged)
    assert damaged
    assert damaged <= {blob.key.rpartition("/")[2] for blob in world.store.list(PACKS)}
    monkeypatch.undo()
    world.settle()
