"""What a month costs: the figures that were promised, what must hold for all, and the errors of earlier estimates."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings import Settings, StorageClass
from components.settings.storage_prices import CLASSES
from costs import Bill, Line, Volume, aws_backup, compare, forecast, tiers
from costs.assumptions import ASSUMED
from functions.contract.prices import PRICES, usd
from functions.engine.errors import ConfigurationError
from functions.engine.safety import MIB
from tests.costs.kit import PRODUCTION, stack
from tests.settings.kit import steadily

VOLUMES = st.builds(
    Volume,
    terabytes=st.floats(0, 1_000),
    changed_percent=st.floats(0, 100),
    users=st.integers(1, 1_000_000),
    files=st.none() | st.integers(0, 10_000_000),
    dedup=st.floats(1, 50),
    dedup_changes=st.none() | st.floats(1, 50),
    compression=st.floats(1, 20),
)
STACKS = st.sampled_from([stack(name) for name in ("dev", "prod", "local")])
CLASS_NAMES = st.sampled_from(sorted(CLASSES))


def line(bill: Bill, service: str, what: str) -> Line:
    """Give the one line."""
    (found,) = [one for one in bill.lines if one.service == service and one.what == what]
    return found


def month(volume: Volume | None = None, **changes: Any) -> float:  # noqa: ANN401 - settings of any type
    """Give USD a month of production with some settings changed."""
    return forecast(PRODUCTION.model_copy(update=changes), volume or Volume()).usd


def with_class(name: StorageClass) -> dict[str, Any]:
    """Give the change that puts packs into a class."""
    return {"tier": PRODUCTION.tier.model_copy(update={"storage_class": name, "accept_slow_restore": True})}


# ------------------------------------------------------------------------------------------- promised


def test_production_costs_less_than_500_dollars_a_month_with_its_endpoints() -> None:
    """1 TB, 5 % a day, 60 days: the promise of the design, which an alarm watches as well."""
    found = forecast(PRODUCTION, Volume())
    assert PRODUCTION.retention.days == 60
    assert 250 < found.usd < 500
    assert not found.over
    assert found.warnings == ()
    assert line(found.bill, "VPC endpoints", "hours of each zone").usd >= 43.80


@pytest.mark.parametrize(
    ("service", "what", "quantity", "dollars"),
    [
        # 1,000 GB, and 50 a day for 65 days: 60 kept, 5 until they are let go.
        ("S3, repository", "packs, STANDARD", 4_250, 97.75),
        ("S3, repository", "packs let go, still recoverable, STANDARD", 700, 16.10),
        ("S3, replica", "packs, STANDARD_IA", 4_250, 53.125),
        ("S3, replica", "packs let go, still recoverable, STANDARD_IA", 700, 8.75),
        ("KMS", "keys", 2, 2.00),
        ("KMS", "rotated keys, after two years", 4, 4.00),
        ("CloudWatch", "dashboards", 2, 6.00),
        ("CloudWatch", "metrics of replication", 4, 1.20),
        ("Budgets", "budget", 1, 0.0),
    ],
)
def test_lines_of_production_are_those_that_a_person_counts(
    service: str, what: str, quantity: float, dollars: float
) -> None:
    """By hand, from the settings and the price pages."""
    found = line(forecast(PRODUCTION, Volume()).bill, service, what)
    assert found.quantity == pytest.approx(quantity)
    assert found.usd == pytest.approx(dollars)


def test_every_service_that_the_program_uses_has_a_line() -> None:
    """Earlier estimates lacked noncurrent versions, endpoints, data events, metrics and KMS requests."""
    services = forecast(PRODUCTION, Volume()).bill.by_service()
    assert list(services) == [
        "S3, repository",
        "S3, replica",
        "DynamoDB",
        "AWS Backup",
        "Lambda",
        "X-Ray",
        "API Gateway",
        "CloudWatch",
        "SQS",
        "SNS",
        "EventBridge Scheduler",
        "KMS",
        "Budgets",
        "CloudTrail",
        "EventBridge",
        "VPC endpoints",
    ]


def test_intelligent_tiering_watches_a_thousand_objects_for_a_quarter_of_a_cent() -> None:
    """One estimate said 2.50 USD, which is a thousand times too much."""
    found = forecast(PRODUCTION.model_copy(update=with_class("INTELLIGENT_TIERING")), Volume())
    watched = line(found.bill, "S3, repository", "packs watched")
    assert watched.usd / watched.quantity * 1_000 == pytest.approx(0.0025)
    assert watched.usd < 2


def test_time_control_costs_what_it_costs_for_every_gigabyte() -> None:
    """0.015 USD."""
    replica = PRODUCTION.replica
    assert replica is not None
    dearer = month(replica=replica.model_copy(update={"time_control": True}))
    assert dearer - month() == pytest.approx(0.015 * (50 + 0.1) * 365 / 12, rel=0.01)


def test_least_days_are_charged_for_packs_that_live_shorter() -> None:
    """79 of 90 days: 11 too many, of 50 GB a day, at 0.004."""
    found = forecast(PRODUCTION.model_copy(update=with_class("GLACIER_IR")), Volume())
    assert line(found.bill, "S3, repository", "least days of GLACIER_IR").usd == pytest.approx(50 * 11 * 0.004)


# ------------------------------------------------------------------------------------- for all volumes


@steadily
@given(VOLUMES, STACKS, st.floats(1, 3))
def test_more_of_anything_never_costs_less(volume: Volume, settings: Any, factor: float) -> None:  # noqa: ANN401
    """Data, change, users, files, days."""
    files = None if volume.files is None else int(volume.files * factor)
    larger = replace(
        volume,
        terabytes=volume.terabytes * factor,
        changed_percent=min(100, volume.changed_percent * factor),
        users=int(volume.users * factor),
        files=files,
    )
    longer = settings.retention.model_copy(update={"days": int(settings.retention.days * factor) + 1})
    kept = settings.model_copy(update={"retention": longer})
    now = forecast(settings, volume).usd
    slack = 1e-6 * now
    assert forecast(settings, larger).usd >= now - slack
    assert forecast(kept, volume).usd >= now - slack


@steadily
@given(VOLUMES, STACKS, st.floats(1, 10))
def test_what_repeats_and_compresses_never_costs_more(volume: Volume, settings: Any, factor: float) -> None:  # noqa: ANN401
    """Fewer bytes are stored."""
    tighter = replace(volume, dedup=volume.dedup * factor, dedup_changes=volume.reduced * factor)
    now = forecast(settings, volume)
    assert forecast(settings, tighter).usd <= now.usd * (1 + 1e-6)
    assert forecast(settings, tighter).once.usd <= now.once.usd * (1 + 1e-6)


@steadily
@given(VOLUMES, STACKS, CLASS_NAMES)
def test_no_line_is_negative_or_nameless_and_the_total_is_their_sum(
    volume: Volume,
    settings: Any,  # noqa: ANN401
    name: StorageClass,
) -> None:
    """Whatever the class."""
    tier = settings.tier.model_copy(update={"storage_class": name})
    found = forecast(settings.model_copy(update={"tier": tier}), volume)
    lines = found.bill.lines + found.once.lines
    assert all(one.quantity >= 0 and one.usd >= 0 and one.what and one.unit for one in lines)
    assert math.isfinite(found.usd + found.once.usd)
    assert found.usd == pytest.approx(sum(found.bill.by_service().values()))
    assert len({(one.service, one.what) for one in found.bill.lines}) == len(found.bill.lines)


@steadily
@given(VOLUMES)
def test_a_replica_and_a_network_never_come_for_nothing(volume: Volume) -> None:
    """Nor do more zones."""
    network = PRODUCTION.network
    assert month(volume, replica=None) < month(volume)
    assert month(volume, network=network.model_copy(update={"isolated": False})) < month(volume)
    assert month(volume, network=network.model_copy(update={"zones": 3})) > month(volume)


@steadily
@given(VOLUMES, st.floats(0.5, 1))
def test_smaller_packs_never_cost_less(volume: Volume, share: float) -> None:
    """Each is a PUT, locks, a copy and events."""
    smaller = ASSUMED._replace(pack_bytes=ASSUMED.pack_bytes * share)
    assert forecast(PRODUCTION, volume, smaller).usd >= forecast(PRODUCTION, volume).usd * (1 - 1e-9)


@steadily
@given(VOLUMES, st.floats(1, 3))
def test_more_data_never_costs_less_at_aws_backup(volume: Volume, factor: float) -> None:
    """So that the comparison is fair at every size."""
    larger = replace(volume, terabytes=volume.terabytes * factor)
    assert aws_backup(PRODUCTION, larger).usd >= aws_backup(PRODUCTION, volume).usd * (1 - 1e-9)


# ----------------------------------------------------------------------------------------- otherwise


def test_production_is_compared_with_what_it_could_be() -> None:
    """No replica, other classes, other packs, no network, AWS Backup."""
    found = {one.name: one for one in compare(PRODUCTION, Volume())}
    assert found["as it is"].usd == pytest.approx(month())
    assert found["no replica"].usd < month()
    assert {"replica in GLACIER_IR", "packs in GLACIER_IR", "packs of 8 MiB", "no network of its own"} <= found.keys()
    assert found["AWS Backup"].usd > month()
    assert "12 hours" in found["packs in DEEP_ARCHIVE"].note


def test_a_stack_is_not_compared_with_what_it_is_already() -> None:
    """Without a replica and a network there is none to leave out."""
    alone = stack("local", **{"strongroom:replica": {}})
    names = [one.name for one in compare(alone, Volume(terabytes=0.1))]
    assert "no replica" not in names
    assert "no network of its own" not in names
    assert len(names) == len(set(names))


def test_aws_backup_keeps_changed_objects_whole() -> None:
    """1,000 GB, and 50 a day for 60 days, at 0.05; twice with a copy."""
    lines = {one.what: one for one in aws_backup(PRODUCTION, Volume()).lines}
    assert lines["warm storage"].usd == lines["warm storage, copy"].usd == pytest.approx(4_000 * 0.05)
    small = aws_backup(PRODUCTION, Volume(files=1_000_000_000)).lines[0]
    assert small.quantity == pytest.approx(131_072 * 4)


def with_sources() -> Settings:
    """Give production with AWS Backup of its sources."""
    return PRODUCTION.model_copy(update={"vault": PRODUCTION.vault.model_copy(update={"sources": True})})


def test_sources_in_aws_backup_are_counted_and_are_more_than_the_budget() -> None:
    """Twice 4,000 GB in warm vaults at 0.05, four more metrics of alarms, and no line of it where it is off."""
    off, on = forecast(PRODUCTION, Volume()), forecast(with_sources(), Volume())
    assert line(on.bill, "AWS Backup", "sources, warm storage").usd == pytest.approx(200)
    assert line(on.bill, "AWS Backup", "sources, warm storage, copy").usd == pytest.approx(200)
    assert line(on.once, "AWS Backup", "sources, transfer of the copy").quantity == pytest.approx(1_000)
    assert on.usd - off.usd == pytest.approx(aws_backup(PRODUCTION, Volume()).usd + 4 * usd("cloudwatch.alarm"))
    (warning,) = on.warnings
    assert "more than budget.monthlyUsd, which is 500.00" in warning
    assert not [one for one in (*off.bill.lines, *off.once.lines) if one.what.startswith("sources, ")]


def test_what_the_sources_would_cost_in_aws_backup_is_among_what_could_be_chosen() -> None:
    """Until it is chosen."""
    found = {one.name: one for one in compare(PRODUCTION, Volume())}
    assert found["the sources in AWS Backup too"].usd == pytest.approx(forecast(with_sources(), Volume()).usd)
    assert "the sources in AWS Backup too" not in {one.name for one in compare(with_sources(), Volume())}


def test_small_files_are_said_to_be_charged_as_larger_ones() -> None:
    """Each as 128 KB; without the option it is no concern."""
    small = Volume(terabytes=0.1, files=2_000_000)
    (warning,) = forecast(with_sources(), small).warnings
    assert "AWS Backup charges an object below 128 KB as one of 128 KB" in warning
    assert "100 GB of files are paid for as 262" in warning
    assert forecast(PRODUCTION, small).warnings == ()


def test_each_class_says_what_it_demands() -> None:
    """Least days, what they are compared with, and how long a restore waits."""
    found = {tier.name: tier for tier in tiers(PRODUCTION, Volume())}
    assert found.keys() == CLASSES.keys()
    assert found["STANDARD"].month_usd == pytest.approx(month())
    assert (found["GLACIER_IR"].least_days, found["GLACIER_IR"].life_days) == (90, 79)
    assert (found["GLACIER"].thaw_hours, found["STANDARD"].thaw_hours) == (5, 0)
    assert found["GLACIER_IR"].restore_usd == pytest.approx(30)


def test_samples_and_drills_are_paid_for_in_classes_that_charge_for_reading() -> None:
    """They read packs by the terabyte; from an archive they cannot."""
    for name in ("STANDARD_IA", "GLACIER_IR"):
        found = forecast(PRODUCTION.model_copy(update=with_class(name)), Volume())
        assert line(found.bill, "S3, repository", f"packs read again from {name}").usd > 10
    archived = forecast(PRODUCTION.model_copy(update=with_class("GLACIER")), Volume())
    assert not [one for one in archived.bill.lines if "read again" in one.what or "drills, STANDARD" in one.what]


# ------------------------------------------------------------------------------------- warnings, errors


def test_a_month_over_the_budget_is_warned_of() -> None:
    """With both amounts."""
    found = forecast(PRODUCTION, Volume(terabytes=10))
    assert found.over
    (warning,) = found.warnings
    assert "more than budget.monthlyUsd, which is 500.00" in warning


def test_prices_of_another_region_are_said_to_be_missing() -> None:
    """Rather than taken for true."""
    found = forecast(PRODUCTION.model_copy(update={"region": "eu-central-1"}), Volume())
    (warning,) = found.warnings
    assert "prices are those of us-east-1; eu-central-1 has its own" in warning


@pytest.mark.parametrize(
    "wrong",
    [
        {"terabytes": -1},
        {"terabytes": float("nan")},
        {"terabytes": float("inf")},
        {"changed_percent": 100.1},
        {"users": 0},
        {"files": -1},
        {"dedup": 0.5},
        {"dedup_changes": 0},
        {"compression": 0.9},
    ],
)
def test_a_volume_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """With what is allowed."""
    with pytest.raises(ConfigurationError, match="must be from"):
        Volume(**wrong)


def test_nothing_costs_what_is_there_anyway() -> None:
    """No data: endpoints, alarms, keys and empty polls."""
    empty = forecast(PRODUCTION, Volume(terabytes=0, files=0, users=1))
    assert 60 < empty.usd < 120


def test_every_price_says_for_what_and_where_it_is_from() -> None:
    """And a name that has none is a mistake, not something for free."""
    assert all(price.usd >= 0 and price.unit and price.page for price in PRICES.values())
    with pytest.raises(KeyError):
        usd("s3.storage.GLACIAL")


def test_the_default_pack_is_the_one_that_is_compared_with() -> None:
    """16 MiB, as the engine packs."""
    assert ASSUMED.pack_bytes == 16 * MIB
