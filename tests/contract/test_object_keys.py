"""Keys of a repository: every name round-trips, and what is not ours is not taken for ours."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.contract.object_keys import (
    ROOT_USER,
    backup_prefix,
    commit_key,
    decode_name,
    encode_name,
    is_backup_id,
    manifest_key,
    pack_key,
    parse_pack_key,
    parse_snapshot_key,
    source_prefix,
    user_objects,
    user_prefix,
)
from tests.strategies import keys, pack_ids, texts

BACKUP = "20261120T020000Z-1f3a9c20"
PACK = "5a" + "0" * 30


@given(texts)
@example("@root")
@example("..")
@example("%40root")
@example("a~b.c")
def test_any_name_comes_back(name: str) -> None:
    """Encoding loses nothing, whatever a name holds."""
    assert decode_name(encode_name(name)) == name


@given(texts)
def test_an_encoded_name_is_one_harmless_segment(name: str) -> None:
    """No slash, no dot and nothing that a client or a shell would change; never empty."""
    assert re.fullmatch(r"@root|([A-Za-z0-9_-]|%[0-9A-F]{2})+", encode_name(name))


@given(texts, texts)
def test_two_names_never_share_a_segment(one: str, other: str) -> None:
    """Encoding is injective."""
    assert (encode_name(one) == encode_name(other)) == (one == other)


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("alice", "alice"),
        ("a-b_C9", "a-b_C9"),
        (ROOT_USER, "@root"),
        ("@root", "%40root"),
        ("a b", "a%20b"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("~", "%7E"),
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("é", "%C3%A9"),
        ("\n", "%0A"),
    ],
)
def test_the_encoding_is_pinned(name: str, segment: str) -> None:
    """Another spelling would not find the backups that exist."""
    assert encode_name(name) == segment
    assert decode_name(segment) == name


def test_the_layout_is_pinned() -> None:
    """Keys are part of the repository format."""
    assert pack_key(PACK) == f"packs/5a/{PACK}"
    assert source_prefix("a.b") == "snapshots/a%2Eb/"
    assert user_prefix("s", "u") == "snapshots/s/u/"
    assert backup_prefix("s", "", BACKUP) == f"snapshots/s/@root/{BACKUP}/"
    assert manifest_key("s", "u", BACKUP, 7) == f"snapshots/s/u/{BACKUP}/00007.jsonl.zst"
    assert commit_key("s", "u", BACKUP) == f"snapshots/s/u/{BACKUP}/commit.json"


@given(pack_ids)
def test_a_packs_key_names_the_pack(pack: str) -> None:
    """Both ways round."""
    assert parse_pack_key(pack_key(pack)) == pack


@pytest.mark.parametrize(
    "key",
    [
        "",
        "packs/",
        f"packs/{PACK}",
        f"packs/5b/{PACK}",
        f"packs/5a/{PACK}/",
        f"packs/5a/{PACK}0",
        f"packs/5A/{PACK.upper().replace('5', '5')}X",
        f"packs/5a/{PACK[:-1]}G",
        f"packs/5a/x/{PACK}",
        f"other/5a/{PACK}",
        f"packs/5a/{PACK}\n",
    ],
)
def test_what_is_no_packs_key_is_told(key: str) -> None:
    """Anything else below the prefix is left alone."""
    assert parse_pack_key(key) is None


@given(texts, texts, st.integers(0, 99_999))
def test_a_snapshots_key_names_its_backup_and_file(source: str, user: str, segment: int) -> None:
    """Both ways round, for any names of source and user."""
    found = parse_snapshot_key(manifest_key(source, user, BACKUP, segment))
    assert found == (source, user, BACKUP, f"{segment:05}.jsonl.zst")
    assert parse_snapshot_key(commit_key(source, user, BACKUP)) == (source, user, BACKUP, "commit.json")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "snapshots/s/u/commit.json",
        f"snapshots/s/u/{BACKUP}",
        f"snapshots/s/u/{BACKUP}/x/commit.json",
        f"packs/s/u/{BACKUP}/commit.json",
        f"snapshots/s/u/{BACKUP.upper()}/commit.json",
        f"snapshots/s/u/x{BACKUP}/commit.json",
        f"snapshots/s/%FF/{BACKUP}/commit.json",
        f"snapshots/s/%61/{BACKUP}/commit.json",
        f"snapshots/s/a%2eb/{BACKUP}/commit.json",
        f"snapshots/s/a.b/{BACKUP}/commit.json",
        f"snapshots/s//{BACKUP}/commit.json",
        f"snapshots//u/{BACKUP}/commit.json",
    ],
)
def test_what_is_no_snapshots_key_is_told(key: str) -> None:
    """A foreign object, or another spelling of a name, is never taken for a backup, and never an error."""
    assert parse_snapshot_key(key) is None


@given(keys)
def test_parsing_takes_any_key(key: str) -> None:
    """Whatever lies in the bucket, a listing goes on."""
    assert parse_pack_key(key) is None
    assert parse_snapshot_key(f"snapshots/{key}") is None


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (BACKUP, True),
        ("", False),
        (BACKUP[:-1], False),
        (BACKUP + "0", False),
        (BACKUP + "\n", False),
        (BACKUP.replace("1f", "1F"), False),
        ("٢0261120T020000Z-1f3a9c20", False),
    ],
)
def test_a_backup_id_is_known_by_its_form(text: str, *, valid: bool) -> None:
    """ASCII digits, `T`, `Z` and eight hexadecimal digits."""
    assert is_backup_id(text) is valid


@pytest.mark.parametrize(
    ("prefix", "user", "expected"),
    [
        ("", "alice", ("alice/", True)),
        ("home/", "alice", ("home/alice/", True)),
        ("home/", ROOT_USER, ("home/", False)),
        ("", ROOT_USER, ("", False)),
        ("", "/", ("/", True)),
        ("home/", "/", ("home//", True)),
    ],
)
def test_a_users_objects_are_those_below_its_folder(prefix: str, user: str, expected: tuple[str, bool]) -> None:
    """The root user owns what lies in no folder; the user `/` what lies in the folder without a name."""
    assert user_objects(prefix, user) == expected
