"""The nightly sample and the weekly check of structure: what they find, what they tell, and how they end in time."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import pytest

from functions.adapters.memory import answered
from functions.contract.environment import SourceSetting
from functions.contract.object_keys import PACKS, pack_key
from functions.engine.backup import BackupResult
from functions.engine.errors import ConfigurationError, OutOfTimeError, UnavailableError
from functions.engine.model import Buffer
from tests.engine.kit import commit_of, manifest_of
from tests.runtime.verifier_kit import SETTING, Vault, Watch
from tests.strategies import noise

SAMPLE = {"verify": "sample"}
STRUCTURE = {"verify": "structure"}
SHARED = noise("shared", 60_000)


@pytest.fixture
def vault() -> Vault:
    """Give a repository without users."""
    return Vault()


@pytest.fixture
def backups(vault: Vault) -> list[BackupResult]:
    """Three users, each with a file of his own; the first two share another one."""
    return [
        vault.back_up(name, {f"{name}/own": noise(name, 300_000), f"{name}/shared": shared})
        for name, shared in (("alice", SHARED), ("bob", SHARED), ("carol", b"carol"))
    ]


def all_invocations(vault: Vault, event: Mapping[str, Any], watches: list[Watch]) -> list[dict[str, Any]]:
    """Verify, and go on until nothing is handed on; the last watch is that of all further invocations."""
    answers = [vault.verify(event, watches[0])]
    while vault.invoked:
        watch = watches[min(len(answers), len(watches) - 1)]
        answers.append(vault.verify(vault.invoked.pop(), watch))
        assert len(answers) < 100
    return answers


def fresh(left: float = 900.0, each: float = 0.0) -> list[Watch]:
    """Give watches for up to a hundred invocations."""
    return [Watch(left, each) for _ in range(100)]


@pytest.mark.parametrize("event", [SAMPLE, STRUCTURE])
def test_a_whole_repository_is_told_to_nobody(vault: Vault, backups: list[BackupResult], event: dict[str, str]) -> None:
    """There are metrics and a line in the log."""
    answer = vault.verify(event)
    assert (answer["damages"], answer["continued"]) == (0, False)
    assert vault.notifier.sent == []
    assert vault.invoked == []
    assert vault.runs(event["verify"]) == 1
    assert vault.heard.total("VerifyDamages") == 0
    assert [line["message"] for line in vault.heard.lines()] == ["verification ended"]


def test_a_sample_reads_the_packs_of_its_seed(vault: Vault, backups: list[BackupResult]) -> None:
    """All of them, if so much is asked for, and some of them else; the same ones for the same day."""
    packs = [key for key in vault.world.store.blobs if key.startswith(PACKS)]
    assert vault.verify(SAMPLE)["packs_read"] == len(packs)
    vault.set(sample_percent=20.0)
    nights = [vault.verify({**SAMPLE, "seed": seed}) for seed in (1, 1, 2, 3, 4, 5)]
    assert nights[0] == nights[1]
    assert all(1 <= night["packs_read"] <= len(packs) for night in nights)


@pytest.mark.parametrize("event", [SAMPLE, STRUCTURE])
def test_a_damaged_pack_is_told_with_all_that_needs_it(
    vault: Vault, backups: list[BackupResult], event: dict[str, str]
) -> None:
    """Users, files and what to do; the metric and the log know it too."""
    ref = vault.world.entries(backups[0])["alice/shared"].chunks[0]
    key = pack_key(ref.pack)
    if event == SAMPLE:
        vault.damage(backups[0], "alice/shared")
    else:
        del vault.world.store.blobs[key]
    assert vault.verify(event)["damages"] == 1
    (notice,) = vault.notifier.sent
    parts = [ref.pack, "'alice/shared'", "'bob/shared'", "of user 'alice'", "of user 'bob'", "What to do:", "vault"]
    parts += [ref.chunk.hex()] if event == SAMPLE else []
    assert not [part for part in parts if part not in notice.body]
    assert "carol" not in notice.body
    assert vault.heard.total("VerifyDamages") == 1
    assert [line["pack"] for line in vault.heard.lines("damage found")] == [ref.pack]


def test_the_structure_check_looks_at_the_newest_backup_of_every_user(
    vault: Vault, backups: list[BackupResult]
) -> None:
    """Of every source; older ones are proven by the packs that they share, and by the samples."""
    newer = vault.back_up("alice", {"alice/new": b"new"})
    del vault.world.store.blobs[manifest_of(backups[0])]
    assert vault.verify(STRUCTURE)["backups"] == 3
    assert vault.notifier.sent == []
    vault.world.store.blobs[commit_of(newer)] = b"{}"
    del vault.world.store.blobs[manifest_of(backups[2])]
    assert vault.verify(STRUCTURE)["damages"] == 2
    assert "COMMIT_CORRUPT" in vault.notifier.sent[0].body
    assert "MANIFEST_CORRUPT" in vault.notifier.sent[0].body


def test_a_sample_that_takes_longer_goes_on_in_another_invocation(vault: Vault) -> None:
    """Every pack is read once; the run ends once."""
    for number in range(20):
        vault.back_up(f"u{number:02}", {f"u{number:02}/a": noise(number, 1_000)})
    packs = [key for key in vault.world.store.blobs if key.startswith(PACKS)]
    assert len(packs) == 20
    reads: list[str] = []
    whole = vault.world.store.get

    def get(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        reads.append(key)
        return whole(key, start, length)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vault.world.store, "get", get)
        answers = all_invocations(vault, {**SAMPLE, "seed": 5}, fresh(130.0, each=10.0))
    assert len(answers) > 3
    assert reads == sorted(packs)
    assert [answer["continued"] for answer in answers] == [True] * (len(answers) - 1) + [False]
    assert vault.runs("sample") == 1


def test_a_structure_check_that_takes_longer_goes_on_in_another_invocation(vault: Vault) -> None:
    """Every user is looked at, over the sources, and the slices grow while they are quick."""
    vault.set(sources=(SETTING, SourceSetting("empty", "nothing")))
    for number in range(60):
        vault.back_up(f"u{number:02}", {f"u{number:02}/a": noise(number, 100)})
    vault.world.store.blobs[pack_key("0" * 32)] = b"an orphan"
    answers = all_invocations(vault, STRUCTURE, fresh(400.0, each=2.0))
    assert len(answers) > 1
    assert sum(answer["backups"] for answer in answers) == 60
    assert vault.runs("structure") == 1
    assert vault.notifier.sent == []


def test_a_slow_slice_is_followed_by_a_smaller_one_in_another_invocation(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not begun when the time is nearly over; what was checked is not checked again."""
    for number in range(20):
        vault.back_up(f"u{number:02}", {f"u{number:02}/a": noise(number, 100)})
    whole, watch = vault.world.store.get, Watch()

    def slow(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        watch.left = 80.0
        return whole(key, start, length)

    monkeypatch.setattr(vault.world.store, "get", slow)
    assert vault.verify(STRUCTURE, watch)["backups"] == 16
    (event,) = vault.invoked
    assert event["continue"] == {"source": "reports", "user": "u15", "size": 8}
    watch.left = 900.0
    assert vault.verify(event, watch)["backups"] == 4


def test_a_backup_that_no_invocation_can_check_is_told_and_left_out(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends nobody else's check, and the run ends."""
    for name in ("alice", "bob", "carol"):
        vault.back_up(name, {f"{name}/a": name.encode()})
    whole, watch = vault.world.store.get, Watch()

    def slow(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        if "/bob/" in key:
            watch.left = 0.0
        return whole(key, start, length)

    monkeypatch.setattr(vault.world.store, "get", slow)
    answers = [vault.verify(STRUCTURE, watch)]
    while vault.invoked:
        watch.left = 900.0
        answers.append(vault.verify(vault.invoked.pop(), watch))
        assert len(answers) < 20
    (notice,) = vault.notifier.sent
    assert notice.subject == "Strongroom test: verification INCOMPLETE: 1 backup"
    assert "user 'bob' of source 'reports'" in notice.body
    assert sum(answer["backups"] for answer in answers) == 2
    assert vault.runs("structure") == 1


@pytest.mark.parametrize("event", [SAMPLE, STRUCTURE])
def test_without_any_time_it_fails_instead_of_going_round(
    vault: Vault, backups: list[BackupResult], event: dict[str, str]
) -> None:
    """An invocation that can do nothing must not start another one."""
    with pytest.raises(OutOfTimeError):
        vault.verify(event, Watch(left=60.0))
    assert vault.invoked == []


@pytest.mark.parametrize("event", [SAMPLE, STRUCTURE])
def test_an_outage_is_raised_and_is_no_damage(
    vault: Vault, backups: list[BackupResult], event: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda repeats the invocation."""

    def down(*_arguments: object) -> Future[Buffer]:
        return answered(_down)

    monkeypatch.setattr(vault.world.store, "get", down)
    with pytest.raises(UnavailableError):
        vault.verify(event)
    assert vault.notifier.sent == []
    assert vault.heard.values("VerifyRun") == []


def test_a_search_that_the_time_ended_is_told(
    vault: Vault, backups: list[BackupResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not known is not called untouched."""
    vault.damage(backups[0], "alice/shared")
    watch = Watch()
    whole = vault.world.store.get

    def get(key: str, start: int = 0, length: int | None = None) -> Future[Buffer]:
        if not key.startswith(PACKS):
            watch.left = 10.0
        return whole(key, start, length)

    monkeypatch.setattr(vault.world.store, "get", get)  # the time ends when the search begins
    assert vault.verify(SAMPLE, watch)["damages"] == 1
    assert "backups only: the time was over." in vault.notifier.sent[0].body


def test_events_that_cannot_be_understood_are_refused(vault: Vault) -> None:
    """Before anything is read; so is a source that is not there any more."""
    for event in ({}, {"verify": "everything"}, {**STRUCTURE, "continue": {"source": "x", "user": "u", "size": 1}}):
        with pytest.raises(ConfigurationError):
            vault.verify(event)
    assert vault.heard.lines() == []


def test_damages_of_several_slices_are_told_once(vault: Vault) -> None:
    """One missing pack that many users need is one damage, whichever slice met it."""
    results = [
        vault.back_up(f"u{number:02}", {f"u{number:02}/a": SHARED, f"u{number:02}/b": noise(number, 50)})
        for number in range(40)
    ]
    pack = vault.world.entries(results[0])["u00/a"].chunks[0].pack
    del vault.world.store.blobs[pack_key(pack)]
    assert vault.verify(STRUCTURE)["damages"] == 1
    (notice,) = vault.notifier.sent
    assert notice.body.count(f"PACK_MISSING: pack {pack}") == 1
    assert "and 30 more" in notice.body  # of forty backups


def _down() -> Buffer:
    raise UnavailableError("down")
