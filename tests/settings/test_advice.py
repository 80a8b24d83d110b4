"""What is allowed but should be known, with the money that it costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings import advice, explain_tier, load
from components.settings.retention import StorageClass
from components.settings.storage_prices import CLASSES, THAW_HOURS, Load, tier_bill
from functions.engine.orchestration.archive import Tier as Thaw
from functions.engine.orchestration.archive import thaw_hours
from tests.settings.kit import PROD, loaded, steadily

CLASS_NAMES = st.sampled_from(sorted(CLASSES))


def test_production_as_it_is_needs_no_advice() -> None:
    """A warning that is always there is read by nobody."""
    assert advice(load(PROD)) == ()


def test_compliance_is_allowed_and_explained() -> None:
    """It cannot be undone."""
    (sentence,) = advice(loaded(retention={"lockMode": "COMPLIANCE", "lockDays": 7}))
    assert "COMPLIANCE: for 7 days" in sentence
    assert "nobody can" in sentence


def test_what_aws_backup_keeps_of_sources_is_explained() -> None:
    """More than what is protected, and longer than somebody who asks to be erased would think."""
    erased, whole = advice(loaded(vault={"sources": True}))
    assert "an erased user stays in the backups of AWS Backup for 60 days" in erased
    assert "whole buckets, not prefixes: all that is in acme-reports is kept" in whole
    assert len(advice(loaded(vault={"sources": True}, sources=[{"name": "all", "bucket": "acme-reports"}]))) == 1


def test_least_days_are_explained_with_their_money() -> None:
    """50 GB a day, 11 days too many, at 0.004 USD a month."""
    sentences = advice(loaded(tier={"storageClass": "GLACIER_IR"}))
    assert (
        "tier.storageClass: S3 charges at least 90 days: a pack that lives 79 pays for 11 more, 2.20 USD a month at "
        "50 GB changed a day"
    ) in sentences
    assert not any("at least" in sentence for sentence in advice(loaded(tier={"storageClass": "STANDARD_IA"})))
    longer = loaded(tier={"storageClass": "GLACIER_IR"}, retention={"days": 73})
    assert not any("at least" in sentence for sentence in advice(longer))


def test_a_pack_that_dies_before_it_may_be_moved_is_charged_nothing_for_that() -> None:
    """STANDARD_IA takes packs from their 30th day on, and charges 30 from then."""
    assert [tier_bill("STANDARD_IA", life).early_days for life in (20, 30, 31, 59, 60, 90)] == [0, 0, 29, 1, 0, 0]


def test_the_128_kb_rule_is_explained_with_its_money() -> None:
    """2 records a night of 1,000 users for 77 days, charged as 128 KB each."""
    sentences = explain_tier("STANDARD_IA", 77)
    assert (
        "S3 charges an object below 128 KB as one of 128 KB, and moves none below 128 KB: the 154,000 records of 1,000 "
        "users would cost 0.25 USD a month here and stay in STANDARD for 0.03"
    ) in sentences
    assert any("adds 32 KB to each object" in sentence for sentence in explain_tier("DEEP_ARCHIVE", 77))


def test_an_accepted_archive_is_explained() -> None:
    """How long a restore waits, and what can no longer be proven."""
    sentences = advice(loaded(tier={"storageClass": "DEEP_ARCHIVE", "acceptSlowRestore": True}))
    assert any("no restore ends before 12 hours" in sentence and "drills" in sentence for sentence in sentences)


def test_other_things_that_should_be_known() -> None:
    """A replica class for longer than packs live; more executions than an account has."""
    replica = {"region": "us-west-2", "storageClass": "GLACIER_IR"}
    assert any(s.startswith("replica.storageClass GLACIER_IR: S3 charges") for s in advice(loaded(replica=replica)))
    many = loaded(workers={"concurrency": 1_000, "reserved": False})
    assert any(s.startswith("workers: 1,090 may work at once, the account has 1,000") for s in advice(many))


@pytest.mark.parametrize("name", sorted(THAW_HOURS))
def test_hours_are_those_that_restores_reckon_with(name: str) -> None:
    """Two places, one truth."""
    assert THAW_HOURS[name] == thaw_hours(name, Thaw.STANDARD)


def test_standard_needs_no_words() -> None:
    """Nothing is moved, nothing is charged that is not there."""
    assert explain_tier("STANDARD", 77) == ()


@steadily
@given(CLASS_NAMES, st.integers(1, 4_000), st.floats(0, 10**6), st.floats(0, 10**4))
def test_bills_are_sound(name: StorageClass, life: int, gigabytes: float, changed: float) -> None:
    """No class is dearer to store than STANDARD; early charges end when packs live long, and grow with what changes."""
    bill = tier_bill(name, life, Load(gigabytes, changed))
    assert 0 <= bill.storage <= bill.standard
    assert min(bill) >= 0
    assert bill.early_days <= CLASSES[name].least_days
    assert (
        tier_bill(name, life + 1, Load(gigabytes, changed)).early_days <= bill.early_days
        or life == CLASSES[name].first_day
    )
    assert tier_bill(name, 4_000).early_days == 0
    assert tier_bill(name, life, Load(gigabytes, changed + 1)).early >= bill.early
