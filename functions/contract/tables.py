"""Tables, their keys and attributes. Components create them, adapters use them."""

from __future__ import annotations

from typing import Final


class DedupTable:
    """The dedup index: one item a chunk, chunk id -> its place in a pack.

    No attribute is a TTL: an item lives exactly as long as its pack is neither condemned nor expired.
    """

    PARTITION_KEY: Final = "contentHash"
    """Binary, 32 bytes: the SHA-256 of the chunk's plain bytes."""
    PACK: Final = "pack"
    """Binary, 16 bytes: the pack id."""
    OFFSET: Final = "offset"
    STORED: Final = "stored"
    LENGTH: Final = "length"
