"""Keys that S3 allows and that break naive code."""

EXOTIC_KEYS = (
    "a",
    "a/",
    "a/b",
    "a//b",
    "a/b/",
    "./x",
    "../x",
    "x/../y",
    "x/./z",
    ".",
    "..",
    "/leading slash",
    "//two leading slashes",
    "per%cent",
    "per%2Fcent",
    "per%25",
    "plus+plus",
    "sp ace",
    " leading space",
    "trailing space ",
    "two  spaces",
    "new\nline",
    "carriage\rreturn",
    "tab\ttab",
    "quote'\"<angle>&amp;",
    "\u00e9 composed",
    "e\u0301 decomposed",
    "\u65e5\u672c\u8a9e",
    "\uffee before an astral character in UTF-8, after it in UTF-16",
    "\U0001f388 balloon",
    "?query=1&list-type=2",
    "#fragment",
    "semi;colon,comma:colon",
    "back\\slash",
    "~tilde",
    "*(!)'$@=",
    "CASE",
    "case",
    "k" * 1024,
    "\u00e9" * 512,
)
"""Every one is an object of its own: no two may be taken for the same."""


def in_order(keys: tuple[str, ...] | list[str]) -> list[str]:
    """Sort keys as S3 lists them: by their UTF-8 bytes."""
    return sorted(keys, key=str.encode)
