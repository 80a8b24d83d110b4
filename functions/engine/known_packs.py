"""Lists the packs of a repository once for many verifications: a listing of many packs takes longer than a slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from functions.contract.object_keys import PACKS, pack_key
from functions.engine.model import BlobInfo, Buffer
from functions.engine.pack_indexes import list_packs
from functions.engine.ports import BlobStore, Tail

_ID_SIZE = 16


class KnownPacks:
    """A BlobStore that lists all packs when it is first asked for them, and answers with those from then on.

    Packs only become more while backups run, and none that an older commit record names is missing in the answer.
    Keeps 16 bytes a pack. Sizes and times are not kept. Asked from one thread.
    """

    def __init__(self, store: BlobStore) -> None:
        """Pass everything else on to `store`."""
        self._store = store
        self._ids: bytes | None = None

    def put_new(self, key: str, parts: Sequence[Buffer]) -> Future[None]:
        """See BlobStore."""
        return self._store.put_new(key, parts)

    def get(self, key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        """See BlobStore."""
        return self._store.get(key, start, length)

    def get_tail(self, key: str, length: int) -> Future[Tail]:
        """See BlobStore."""
        return self._store.get_tail(key, length)

    def list(self, prefix: str, start_after: str = "") -> Iterator[BlobInfo]:
        """See BlobStore."""
        return self._packs() if (prefix, start_after) == (PACKS, "") else self._store.list(prefix, start_after)

    def _packs(self) -> Iterator[BlobInfo]:
        if self._ids is None:
            self._ids = b"".join(map(bytes.fromhex, list_packs(self._store)))
        for start in range(0, len(self._ids), _ID_SIZE):
            yield BlobInfo(pack_key(self._ids[start : start + _ID_SIZE].hex()), 0, "")
