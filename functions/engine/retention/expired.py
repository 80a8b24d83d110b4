"""Which backups nobody should be offered, as the bucket alone says it.

An expired backup is listed until the lifecycle hides it, and one that is erased until a collection has followed the
order. Who fills a catalog from the listing leaves them out.
"""

from __future__ import annotations

from functions.engine.ports import BlobStore
from functions.engine.repository import BackupName
from functions.engine.retention.erasure import erased_backups
from functions.engine.retention.history import load_history
from functions.engine.retention.holds import read_holds
from functions.engine.retention.plan import BACKUPS


def expired_backups(store: BlobStore) -> frozenset[BackupName]:
    """Give the backups that the newest collection which is done let go, or an earlier one, and those that are erased.

    What is brought back is under a hold, and so not among them. The next collection corrects what is shown wrongly.
    """
    pasts = load_history(store, (BACKUPS,)).backups(store)
    gone = erased_backups(store) | {name for name, past in pasts.items() if past.expired}
    holds = read_holds(store) if gone else None
    return frozenset(
        name
        for name in gone
        if holds is None or not any(hold.covers(name) for hold in holds.of(name.source, name.user))
    )
