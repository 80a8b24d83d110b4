"""The listing parser against a general XML parser, on any key."""

from __future__ import annotations

from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.s3.listing import ListingPage, parse_listing
from functions.engine.errors import RequestError
from functions.engine.model import SourceObject
from tests.strategies import keys

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="{NAMESPACE}">'

sizes = st.integers(0, 2**43)
etags = st.text("0123456789abcdef-", min_size=1, max_size=40)
classes = st.none() | st.sampled_from(["STANDARD", "GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING"])
tokens = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=80)
items = st.tuples(keys, sizes, etags, classes)
styles = st.sampled_from(["quote_plus", "quote"])


def encoded(key: str, style: str) -> str:
    """Encode a key as stores do for `encoding-type=url`: a space as `+`, or as `%20`."""
    text = quote(key, safe="/-_.~*")
    return text.replace("%20", "+") if style == "quote_plus" else text


def page(
    found: list[tuple[str, int, str, str | None]], prefixes: list[str], token: str | None, style: str, *, pretty: bool
) -> bytes:
    """Write a page as S3 does, with fields that the parser does not need among those that it does."""
    space = "\n  " if pretty else ""
    parts = [HEAD, f"{space}<Name>bucket</Name><Prefix>p&amp;q</Prefix><KeyCount>{len(found)}</KeyCount>"]
    parts.append(f"<MaxKeys>1000</MaxKeys><IsTruncated>{'true' if token else 'false'}</IsTruncated>")
    for key, size, etag, storage_class in found:
        parts.append(f"{space}<Contents><Key>{encoded(key, style)}</Key>")
        parts.append("<LastModified>2026-11-19T00:00:00.000Z</LastModified>")
        parts.append(f"<ETag>&quot;{etag}&quot;</ETag><ChecksumAlgorithm>CRC32</ChecksumAlgorithm><Size>{size}</Size>")
        parts.append("<Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a</ID></Owner>")
        parts.append(f"<StorageClass>{storage_class}</StorageClass>" if storage_class else "")
        parts.append("</Contents>")
    parts += [f"{space}<CommonPrefixes><Prefix>{encoded(one, style)}</Prefix></CommonPrefixes>" for one in prefixes]
    if token is not None:
        quoted = escape(token, {'"': "&quot;", "'": "&#39;"})
        parts.append(f"{space}<NextContinuationToken>{quoted}</NextContinuationToken>")
    return "".join([*parts, "</ListBucketResult>"]).encode()


def by_general_parser(body: bytes) -> ListingPage:
    """Read a page with the standard library's XML parser."""
    root = ET.fromstring(body)  # noqa: S314 - written above
    names = {"s3": NAMESPACE}

    def text(element: ET.Element, name: str, default: str = "") -> str:
        found = element.find(f"s3:{name}", names)
        return default if found is None else found.text or ""

    objects = [
        SourceObject(
            unquote_plus(text(item, "Key")),
            int(text(item, "Size")),
            text(item, "ETag").strip('"'),
            text(item, "LastModified"),
            text(item, "StorageClass", "STANDARD"),
        )
        for item in root.findall("s3:Contents", names)
    ]
    prefixes = [unquote_plus(text(item, "Prefix")) for item in root.findall("s3:CommonPrefixes", names)]
    return ListingPage(objects, prefixes, text(root, "NextContinuationToken") or None)


@given(
    found=st.lists(items, max_size=5),
    prefixes=st.lists(keys, max_size=3),
    token=st.none() | tokens,
    style=styles,
    pretty=st.booleans(),
)
def test_any_page_is_read_as_a_general_parser_reads_it(
    found: list[tuple[str, int, str, str | None]], prefixes: list[str], token: str | None, style: str, *, pretty: bool
) -> None:
    """Objects, prefixes and token; whatever the keys hold and however the store encodes spaces."""
    body = page(found, prefixes, token, style, pretty=pretty)
    read = parse_listing(body)
    assert read == by_general_parser(body)
    assert [item.key for item in read.objects] == [key for key, *_rest in found]
    assert read.prefixes == prefixes
    assert read.token == token


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_a_page_may_come_in_any_buffer(wrap: type[bytes]) -> None:
    """As the transport gives it."""
    assert parse_listing(wrap(page([("k", 1, "e", None)], [], None, "quote", pretty=False))).objects[0].key == "k"


def test_an_empty_page_is_no_error() -> None:
    """An empty bucket."""
    assert parse_listing(page([], [], None, "quote", pretty=True)) == ListingPage([], [], None)


def test_a_page_that_is_cut_short_without_a_token_is_an_error() -> None:
    """Else the rest of the bucket would silently be missing from the backup."""
    with pytest.raises(RequestError, match="cut short"):
        parse_listing(f"{HEAD}<IsTruncated>true</IsTruncated></ListBucketResult>".encode())


@pytest.mark.parametrize("body", [b"", b"<html/>", b"<Error><Code>x</Code></Error>", b"{}"])
def test_what_is_no_listing_is_an_error(body: bytes) -> None:
    """It does not pass for an empty bucket."""
    with pytest.raises(RequestError, match="not a listing"):
        parse_listing(body)


def test_a_page_that_breaks_off_is_an_error() -> None:
    """Half an answer must not pass for a short bucket."""
    body = page([(f"k{number}", 1, "e", None) for number in range(5)], [], None, "quote", pretty=False)
    for end in (len(body) - 1, len(body) // 2, len(HEAD) + 40):
        with pytest.raises(RequestError):
            parse_listing(body[:end])
