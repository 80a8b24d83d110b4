"""Destination: every adapter keeps the port's promises."""

from __future__ import annotations

import hashlib
import itertools
from concurrent.futures import Future

import pytest

from functions.engine.conflict import Conflict
from functions.engine.errors import DestinationExistsError
from functions.engine.model import Properties
from functions.engine.ports import Destination, Target
from tests.conformance.keys import EXOTIC_KEYS, in_order
from tests.conformance.sites import LABEL, S3Site, Site

WAIT = 30
TIME = "2026-11-19T08:30:00.000Z"
PLAIN = Properties()
TYPED = Properties({"content-type": "application/octet-stream"})
RICH = Properties(
    {
        "cache-control": "no-store, max-age=0",
        "content-disposition": 'attachment; filename="two  spaces.txt"',
        "content-encoding": "gzip",
        "content-language": "de-DE",
        "content-type": "text/plain; charset=utf-8",
        "expires": "Thu, 01 Dec 2044 16:00:00 GMT",
        "x-amz-website-redirect-location": "/another/page?x=1",
    },
    {"owner": "Ada", "note": "a: b, c; d = e", "spaces": "two  inside"},
    {"class": "secret", "with space": "plus+and=equals&and", "empty": "", "\u00fcml\u00e4ut": "\u00df"},
)
PART = 5 * 1024 * 1024
"""S3 takes no smaller parts, but for the last."""


def placed(destination: Destination, key: str) -> Target:
    """Place a key that the policy lets through."""
    target = destination.place(key)
    assert target is not None
    return target


def write(destination: Destination, key: str, data: bytes, properties: Properties = TYPED) -> Future[str]:
    """Place and write a whole file."""
    return destination.write(placed(destination, key), [data], properties, TIME)


def test_a_file_comes_with_its_properties_and_tags(site: Site) -> None:
    """Content, system headers, user metadata and tags are what was written, and the name is told."""
    destination = site.open()
    assert write(destination, "a/b.txt", b"content", RICH).result(WAIT) == "a/b.txt"
    destination.finish()
    assert site.seen() == {"a/b.txt": (b"content", RICH)}


@pytest.mark.parametrize("parts", [[], [b""], [b"one", bytearray(b"two"), memoryview(b"three")], [b"x"] * 3_000])
def test_a_file_may_come_in_any_buffers(site: Site, parts: list[bytes]) -> None:
    """None, an empty one, many, of any kind."""
    destination = site.open()
    destination.write(placed(destination, "file"), parts, TYPED, TIME).result(WAIT)
    destination.finish()
    assert site.seen()["file"].data == b"".join(parts)


def test_the_digest_of_the_content_may_come_along(site: Site) -> None:
    """It saves the adapter's own work and changes nothing."""
    destination = site.open()
    data = b"known already"
    target = placed(destination, "file")
    destination.write(target, [data], TYPED, TIME, hashlib.sha256(data).digest()).result(WAIT)
    destination.finish()
    assert site.seen()["file"].data == data


def test_what_is_written_is_visible_when_the_future_is_done(site: Site) -> None:
    """Without waiting for the end of the restore."""
    destination = site.open()
    write(destination, "file", b"content").result(WAIT)
    assert site.seen()["file"].data == b"content"
    destination.finish()


def test_skip_leaves_what_exists(site: Site) -> None:
    """Such a file gets no target; others do."""
    site.put("there", b"old")
    destination = site.open(Conflict.SKIP)
    assert destination.place("there") is None
    write(destination, "there2", b"new").result(WAIT)
    destination.finish()
    assert {key: seen.data for key, seen in site.seen().items()} == {"there": b"old", "there2": b"new"}


def test_overwrite_replaces_what_exists(site: Site) -> None:
    """With all its properties."""
    site.put("there", b"old, and longer than the new one")
    destination = site.open(Conflict.OVERWRITE)
    write(destination, "there", b"new", RICH).result(WAIT)
    destination.finish()
    assert site.seen() == {"there": (b"new", RICH)}


def test_rename_puts_the_restored_file_beside_the_one_that_exists(site: Site) -> None:
    """The label stands before the suffix; what does not exist keeps its name."""
    site.put("a/there.txt", b"old")
    destination = site.open(Conflict.RENAME)
    assert write(destination, "a/other.txt", b"other").result(WAIT) == "a/other.txt"
    assert write(destination, "a/there.txt", b"new").result(WAIT) == f"a/there.{LABEL}.txt"
    destination.finish()
    found = {key: seen.data for key, seen in site.seen().items()}
    assert found == {"a/there.txt": b"old", "a/other.txt": b"other", f"a/there.{LABEL}.txt": b"new"}


@pytest.mark.parametrize("conflict", [Conflict.SKIP, Conflict.RENAME])
def test_a_file_that_appears_meanwhile_is_not_overwritten(site: Site, conflict: Conflict) -> None:
    """Between placing and writing somebody else wrote it: an error, and theirs stays."""
    destination = site.open(conflict)
    target = placed(destination, "raced")
    site.put("raced", b"somebody else's")
    error = destination.write(target, [b"ours"], TYPED, TIME).exception(WAIT)
    destination.finish()
    assert isinstance(error, DestinationExistsError)
    assert site.seen()["raced"].data == b"somebody else's"
    assert site.leftovers() == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_large_file_may_be_written_in_any_order(site: Site, order: tuple[int, ...]) -> None:
    """Nobody sees it before it is complete; then it is whole."""
    parts = [b"0" * PART, b"1" * PART, b"2 the rest"]
    destination = site.open()
    large = destination.begin(placed(destination, "large"), sum(map(len, parts)), TYPED, TIME)
    for number in order:
        large.write(number, number * PART, [parts[number][:7], memoryview(parts[number])[7:]]).result(WAIT)
        assert site.seen() == {}
    assert large.complete().result(WAIT) == "large"
    destination.finish()
    assert site.seen()["large"].data == b"".join(parts)
    assert site.leftovers() == []


def test_parts_of_a_large_file_may_be_under_way_together(site: Site) -> None:
    """Nobody waits for one before the next."""
    parts = [bytes([number]) * PART for number in range(4)]
    destination = site.open()
    large = destination.begin(placed(destination, "large"), sum(map(len, parts)), TYPED, TIME)
    for future in [large.write(number, number * PART, [part]) for number, part in enumerate(parts)]:
        future.result(WAIT)
    large.complete().result(WAIT)
    destination.finish()
    assert site.seen()["large"].data == b"".join(parts)


def test_a_large_file_comes_with_its_properties(site: Site) -> None:
    """Tags are looked at elsewhere where the embedded S3 forgets those of an upload in parts."""
    destination = site.open()
    large = destination.begin(placed(destination, "large"), 5, RICH, TIME)
    large.write(0, 0, [b"whole"]).result(WAIT)
    large.complete().result(WAIT)
    destination.finish()
    seen = site.seen()["large"]
    assert seen.data == b"whole"
    assert (seen.properties.system, seen.properties.user) == (RICH.system, RICH.user)
    if not isinstance(site, S3Site):
        assert seen.properties.tags == RICH.tags


def test_a_large_file_that_is_given_up_leaves_nothing(site: Site) -> None:
    """Neither a file nor a part of one; a second call does no harm."""
    destination = site.open()
    large = destination.begin(placed(destination, "large"), 2 * PART, TYPED, TIME)
    large.write(0, 0, [b"x" * PART]).result(WAIT)
    large.abort()
    large.abort()
    write(destination, "after", b"x").result(WAIT)
    destination.finish()
    assert list(site.seen()) == ["after"]
    assert site.leftovers() == []


def test_a_large_file_that_appears_meanwhile_is_not_overwritten(site: Site) -> None:
    """An error when it should become visible, theirs stays, and no part of ours is left."""
    destination = site.open(Conflict.SKIP)
    large = destination.begin(placed(destination, "raced"), 4, TYPED, TIME)
    large.write(0, 0, [b"ours"]).result(WAIT)
    site.put("raced", b"somebody else's")
    error = large.complete().exception(WAIT)
    large.abort()
    destination.finish()
    assert isinstance(error, DestinationExistsError)
    assert site.seen()["raced"].data == b"somebody else's"
    assert site.leftovers() == []


def test_giving_up_after_a_failed_end_touches_no_other_file(site: Site) -> None:
    """Whatever the first one held is somebody else's by then: a file number, for one, is used again at once."""
    destination = site.open(Conflict.SKIP)
    first = destination.begin(placed(destination, "raced"), 4, TYPED, TIME)
    first.write(0, 0, [b"ours"]).result(WAIT)
    site.put("raced", b"somebody else's")
    assert isinstance(first.complete().exception(WAIT), DestinationExistsError)
    second = destination.begin(placed(destination, "second"), 5, TYPED, TIME)
    first.abort()
    second.write(0, 0, [b"whole"]).result(WAIT)
    second.complete().result(WAIT)
    destination.finish()
    assert site.seen()["second"].data == b"whole"


def test_a_large_file_replaces_what_exists_when_it_may(site: Site) -> None:
    """In one step: until then the old one stands."""
    site.put("there", b"old")
    destination = site.open(Conflict.OVERWRITE)
    large = destination.begin(placed(destination, "there"), 3, TYPED, TIME)
    large.write(0, 0, [b"new"]).result(WAIT)
    assert site.seen()["there"].data == b"old"
    large.complete().result(WAIT)
    destination.finish()
    assert site.seen()["there"].data == b"new"


def test_the_cut_is_taken_off_the_keys(site: Site) -> None:
    """The source's prefix does not come back; a key without it stays as it is."""
    destination = site.open(cut="clients/")
    assert placed(destination, "clients/ada/x") == ("ada/x", "clients/ada/x")
    assert placed(destination, "other/clients/x") == ("other/clients/x", "other/clients/x")
    destination.finish()


def test_any_key_that_s3_allows_becomes_a_file_of_its_own(site: Site) -> None:
    """Placed in key order, as a restore does; all come back under their own keys."""
    destination = site.open()
    for key in in_order(EXOTIC_KEYS):
        write(destination, key, key.encode()).result(WAIT)
    destination.finish()
    assert {key: seen.data for key, seen in site.seen().items()} == {key: key.encode() for key in EXOTIC_KEYS}


def test_a_second_restore_skips_all_that_the_first_brought(site: Site) -> None:
    """Whatever the keys look like."""
    first = site.open()
    for key in in_order(EXOTIC_KEYS):
        write(first, key, key.encode()).result(WAIT)
    first.finish()
    second = site.open(Conflict.SKIP)
    assert [key for key in in_order(EXOTIC_KEYS) if second.place(key) is not None] == []
    second.finish()


def test_what_exists_is_found_among_thousands(site: Site) -> None:
    """Keys that sort between one asked for and the key before it do not hide it."""
    wanted = ["u/", "u/0500", "u/05000", "u/1049", "u/5", "v"]
    existing = [f"u/{number:04}" for number in range(1_050)]
    fill = site.open(Conflict.OVERWRITE)
    for done in [write(fill, key, b"") for key in sorted([*existing, "u/5"])]:
        done.result(WAIT)
    fill.finish()
    destination = site.open(Conflict.SKIP)
    found = [key for key in wanted if destination.place(key) is None]
    destination.finish()
    assert found == ["u/0500", "u/1049", "u/5"]


def test_one_that_sorts_behind_a_thousand_others_is_found_at_once(site: Site) -> None:
    """It is the first and only key that the restore asks for."""
    fill = site.open(Conflict.OVERWRITE)
    for done in [write(fill, key, b"") for key in [*(f"u/{number:04}" for number in range(1_050)), "u/5"]]:
        done.result(WAIT)
    fill.finish()
    destination = site.open(Conflict.RENAME)
    name = placed(destination, "u/5").name
    destination.finish()
    assert name == f"u/5.{LABEL}"
