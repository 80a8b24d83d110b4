"""What a collection brings back: takes tags off, many at once, and writes anew what is hidden, up to a bound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from functions.contract.object_keys import commit_key, pack_key, parse_pack_key
from functions.engine.errors import BlobNotFoundError, CorruptionError, FormatError, NotFoundError
from functions.engine.model import PackId
from functions.engine.repository import BackupName, look_ahead
from functions.engine.retention.backup_stage import BackupFates
from functions.engine.retention.locks import AHEAD
from functions.engine.retention.pack_table import Fate
from functions.engine.retention.scene import Scene
from functions.engine.retention.undelete import Undeleted, undelete_backup, undelete_object

LIMIT = 500
"""Objects that one collection writes anew: up to 16 GB pass through its memory, in minutes. Taking off tags has no
limit: what carries one is hidden at midnight."""
_THERE = frozenset({Fate.KEEP, Fate.READMIT, Fate.RESCUE, Fate.DRAIN, Fate.DRAINED})
"""A listed pack with one of these fates carries no tag, or has just lost it."""


class _EnoughError(Exception):
    """The limit is reached."""


class BringBack:
    """Each object comes back once, whoever needs it. What the limit leaves, the next collection brings back."""

    def __init__(self, scene: Scene, limit: int) -> None:
        """Write anew up to `limit` objects."""
        self._scene = scene
        self._rest = limit
        self._hidden: Sequence[str] = ()
        self._back: set[str] = set()
        self._left = 0

    def run(self, fates: BackupFates, missing: Iterable[PackId]) -> None:
        """Tags first, since they are urgent. Then what those backups miss that are there, then whole backups."""
        self._hidden = self._untag()
        self._packs([*map(pack_key, missing), *self._hidden])
        fates.left.extend(name for name in fates.rescued if not self._backup(name))
        if self._left:
            self._scene.report.refused.append(
                f"{self._left:,} packs or backups are left to be brought back by the next collection: this one has "
                "written as many objects as it may"
            )

    def _untag(self) -> list[str]:
        """Take the tags off packs that are listed and needed; give the keys of those that are hidden by now."""
        vault, table, hidden = self._scene.ports.vault, self._scene.table, []
        keys = (pack_key(table.pack(position)) for position in table.with_fate(Fate.RESCUE))
        for key, answer in look_ahead(lambda key: (key, vault.readmit(key)), keys, AHEAD):
            try:
                answer.result()
            except BlobNotFoundError:
                hidden.append(key)
        return hidden

    def _packs(self, keys: Sequence[str]) -> None:
        for key in keys:
            try:
                self._object(key)
            except BlobNotFoundError:
                self._scene.report.counts["packs_lost"] += 1
            except _EnoughError:
                self._left += 1

    def _backup(self, name: BackupName) -> bool:
        """Bring back a backup; say whether all of it is there."""
        try:
            undelete_backup(self._scene.ports, name, self._each)
        except NotFoundError:
            self._scene.report.counts["backups_lost"] += 1
        except _EnoughError:
            self._left += 1
        except (CorruptionError, FormatError):  # it is reported; its record stays, for somebody to mend
            with suppress(BlobNotFoundError):
                self._scene.ports.vault.readmit(commit_key(*name)).result()
        else:
            return True
        return False

    def _each(self, _call: Callable[[str], Undeleted], keys: Iterable[str]) -> Iterator[Undeleted]:
        """Bring back what can be, and only then say that something is lost."""
        lost: BlobNotFoundError | None = None
        for key in keys:
            try:
                yield self._object(key)
            except BlobNotFoundError as error:
                lost = error
        if lost is not None:
            raise lost

    def _object(self, key: str) -> Undeleted:
        """Bring one object back, unless it is known to be there."""
        if key in self._back or self._is_there(key):
            return Undeleted.THERE
        with suppress(BlobNotFoundError):
            self._scene.ports.vault.readmit(key).result()
            self._back.add(key)
            return Undeleted.UNTAGGED
        if self._rest <= 0:
            raise _EnoughError
        became = undelete_object(self._scene.ports.vault, key)
        self._rest -= 1
        self._back.add(key)
        return became

    def _is_there(self, key: str) -> bool:
        pack = parse_pack_key(key)
        position = self._scene.table.find(bytes.fromhex(pack)) if pack is not None else None
        return position is not None and self._scene.table.fate(position) in _THERE and key not in self._hidden
