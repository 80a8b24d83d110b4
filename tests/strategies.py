"""Hypothesis strategies for the engine's nouns, and the profile that all property tests run under."""

from __future__ import annotations

import hashlib

from hypothesis import settings
from hypothesis import strategies as st

from functions.engine.model import ChunkRef, FileEntry, Properties, Unreadable

settings.register_profile("strongroom", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("strongroom")

KEY_BYTES = 1024
"""The longest key that S3 takes."""


def noise(seed: object, size: int) -> bytes:
    """Give `size` incompressible bytes, the same for the same seed on every machine and Python."""
    return hashlib.shake_256(repr(seed).encode()).digest(size)


def prose(seed: object, size: int) -> bytes:
    """Give `size` bytes that compress about ten to one: words in an order that `seed` decides."""
    words = [word.encode() for word in ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"]]
    picks = noise(seed, size // 5 + 1)
    return b" ".join(words[pick % len(words)] for pick in picks)[:size]


_CHARACTERS = st.characters(exclude_categories=["Cs"])
_SEGMENTS = st.one_of(
    st.sampled_from(
        ["", ".", "..", "...", "a", "b", "a b", "%", "%-", "%_", "%d", "%2E", "a%d", "\n", "\x00", "\x7f", "é", "日本"]
    ),
    st.sampled_from([".strongroom-", ".strongroom-metadata.jsonl", "@root", "~", "CON", "-", "_"]),
    st.builds(lambda size, tail: "x" * size + tail, st.integers(195, 205), st.sampled_from(["", ".", "..", "%", "é"])),
    st.text(_CHARACTERS, max_size=8),
)

texts = st.text(_CHARACTERS, max_size=40)
"""Any text that UTF-8 can hold."""

keys = st.one_of(
    st.lists(_SEGMENTS, min_size=1, max_size=5).map("/".join),
    st.text(_CHARACTERS, min_size=1, max_size=60),
).filter(lambda key: 0 < len(key.encode()) <= KEY_BYTES)
"""Any key that S3 takes, with a taste for those that file systems and HTTP clients do not like."""

chunk_ids = st.binary(min_size=32, max_size=32)
pack_ids = st.binary(min_size=16, max_size=16).map(bytes.hex)

chunk_refs = st.builds(
    lambda chunk, pack, offset, stored, more: ChunkRef(chunk, pack, offset, stored, stored + more),
    chunk_ids,
    pack_ids,
    st.integers(0, 2**25),
    st.integers(1, 2**20),
    st.integers(0, 2**20),
)

properties = st.builds(
    Properties,
    st.dictionaries(st.sampled_from(["content-type", "cache-control", "content-encoding"]), texts, max_size=2),
    st.dictionaries(texts, texts, max_size=3),
    st.dictionaries(texts, texts, max_size=3),
)

entries = st.builds(
    FileEntry,
    key=keys,
    size=st.integers(0, 2**43),
    etag=texts,
    modified=st.just("2026-11-20T02:00:00.000Z"),
    chunks=st.lists(chunk_refs, max_size=4).map(tuple),
    version=st.none() | texts,
    properties=properties,
)

unreadables = st.builds(Unreadable, keys, st.sampled_from(["OBJECT_DENIED", "OBJECT_ARCHIVED"]), texts)
