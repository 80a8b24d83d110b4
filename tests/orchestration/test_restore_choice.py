"""Each user's newest backup is chosen once, page by page, whatever the users are called."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.memory import MemoryBlobStore
from functions.contract.object_keys import commit_key, manifest_key
from functions.engine.errors import BackupNotFoundError
from functions.engine.orchestration.restore_choice import PAGE, ChoicePage, Chosen, choose_page, newest_backups
from functions.engine.orchestration.restore_requests import RestoreRequest
from functions.engine.repository import Repository

users = st.sampled_from(["", "/", "a", "a-b", "a b", "a.b", "ab", "a~", "b", "\u00e9", "@root", "%"]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=6
)
days = st.integers(1, 28)


def stored(backups: dict[str, set[int]]) -> MemoryBlobStore:
    """Give a repository: users, and the days of their backups; each has an unfinished one later."""
    store = MemoryBlobStore()
    for user, made in backups.items():
        for day in made:
            store.blobs[commit_key("s", user, backup_id(day))] = b""
            store.blobs[manifest_key("s", user, backup_id(day), 0)] = b""
        store.blobs[manifest_key("s", user, "20270101T000000Z-00000000", 0)] = b""
        store.blobs[commit_key("another", user, backup_id(28))] = b""
    return store


def backup_id(day: int) -> str:
    """Give the id of a day's backup."""
    return f"202611{day:02d}T020000Z-00000000"


@given(st.dictionaries(users, st.sets(days, max_size=3), max_size=8), st.none() | days)
def test_each_users_newest_backup_is_chosen(backups: dict[str, set[int]], day: int | None) -> None:
    """As the repository itself would say, behind any user, in the order of the keys."""
    store = stored(backups)
    as_of = datetime(2026, 11, day, 12, tzinfo=UTC) if day is not None else None
    expected = [Chosen(name.user, name.backup_id) for name in Repository(store).newest("s", as_of).values()]
    assert list(newest_backups(store, "s", as_of)) == expected
    for position, chosen in enumerate(expected):
        assert list(newest_backups(store, "s", as_of, chosen.user)) == expected[position + 1 :]


@pytest.mark.parametrize("count", [1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])
@pytest.mark.parametrize("named", [True, False])
def test_pages_hold_everybody_once(count: int, named: bool) -> None:  # noqa: FBT001 - a case of the table
    """Named or found."""
    everybody = [f"user{number:04d}" for number in range(count)]
    store = stored({user: {1, 2} for user in everybody})
    request = RestoreRequest(source="s", bucket="b", users=tuple(everybody) if named else ())
    pages: list[ChoicePage] = []
    while not pages or not pages[-1].last:
        pages.append(choose_page(store, request, len(pages), pages[-1] if pages else None))
        assert ChoicePage.from_facts(pages[-1].facts()) == pages[-1]
        assert len(pages[-1].backups) <= PAGE
    assert [chosen for page in pages for chosen in page.backups] == [Chosen(user, backup_id(2)) for user in everybody]


def test_users_who_have_nothing_are_all_named() -> None:
    """So that they can be corrected in one go."""
    request = RestoreRequest(source="s", bucket="b", users=("ada", "bob", *(f"typo{number}" for number in range(12))))
    with pytest.raises(BackupNotFoundError, match=r"'bob', 'typo0', .*'typo8' and 3 more users of source 's'"):
        choose_page(stored({"ada": {1}}), request, 0, None)
