"""Which backups went, when and for which order, and which of them must be back when a collection is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from functions.adapters.memory_versioned import VersionedStore
from functions.contract.object_keys import commit_key
from functions.engine.repository import BackupName
from functions.engine.retention.policy import Erasure, Hold
from tests.retention.happenings import Truth

_KNOWN = timedelta(days=6)
"""Plans name what is hidden for a week, and this judge has another clock."""


class Departure(NamedTuple):
    """When a backup went, and the orders that covered it then."""

    when: datetime
    orders: frozenset[str]


class Expected(NamedTuple):
    """What a collection must bring back, as it looks when it begins."""

    began: datetime
    truths: Sequence[Truth]


class Departures:
    """Remembers who went. `forgotten` says that plans were lost: then only a hold on one backup is sure to find it."""

    def __init__(self, store: VersionedStore) -> None:
        """Nobody has."""
        self._store = store
        self._found: dict[BackupName, Departure] = {}
        self._withdrawn: set[str] = set()
        self.forgotten = False

    def went(self, truth: Truth, now: datetime, erasures: Iterable[Erasure]) -> None:
        """Note that a backup was expired."""
        orders = (order for order in erasures if order.user == truth.name.user)
        covering = frozenset(order.erasure_id for order in orders if order.ordered >= max(truth.taken, truth.written))
        self._found[truth.name] = Departure(now, covering)

    def withdrawn(self, order: Erasure) -> None:
        """Note that an order was taken back."""
        self._withdrawn.add(order.erasure_id)

    def expected(
        self,
        truths: Mapping[BackupName, Truth],
        now: datetime,
        holds: Sequence[Hold],
        erasures: Iterable[Erasure],
    ) -> Expected:
        """Give what a collection that begins now must bring back: held, or the newest for which no order stands."""
        found = [truth for truth in truths.values() if self._is_held(truth, now, holds)]
        erased = {order.user for order in erasures}
        for user in {name.user for name in truths} - erased:
            mine = [truth for truth in truths.values() if truth.name.user == user and self._may_return(truth, now)]
            found += [max(mine, key=lambda truth: truth.name)] if mine else []
        return Expected(now, [truth for truth in found if self._is_left(truth)])

    def check(self, expected: Expected) -> None:
        """Look whether all that had to come back is there and untagged, unless it was lost on the way."""
        for truth in expected.truths:
            version = self._store.current(commit_key(*truth.name))
            back = version is not None and not version.expired
            assert back or not self._is_left(truth), f"{truth.name} had to come back and did not"

    def _is_held(self, truth: Truth, now: datetime, holds: Sequence[Hold]) -> bool:
        mine = [hold for hold in holds if hold.covers(truth.name)]
        return any(hold.backup_id is not None for hold in mine) or (bool(mine) and self._is_known(truth, now))

    def _may_return(self, truth: Truth, now: datetime) -> bool:
        """Say whether it is listed, or went for orders that were all taken back."""
        if self._store.current(commit_key(*truth.name)) is not None:
            return True
        orders = self._found[truth.name].orders if truth.name in self._found else frozenset()
        return bool(orders) and orders <= self._withdrawn and self._is_known(truth, now)

    def _is_known(self, truth: Truth, now: datetime) -> bool:
        found = self._found.get(truth.name)
        return not self.forgotten and (found is None or now - found.when < _KNOWN)

    def _is_left(self, truth: Truth) -> bool:
        """Say whether a version of everything that it needs is left."""
        return all(
            any(version.data is not None for version in self._store.objects.get(key, [])) for key in truth.needed
        )
