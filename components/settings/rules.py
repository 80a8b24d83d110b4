"""What several settings must be together. Each rule is a pure function from settings to problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from components.settings import rules_access, rules_places, rules_production, rules_promotion, rules_time, rules_vault
from components.settings.problems import Problem
from components.settings.stack import Settings


class Rule(NamedTuple):
    """Is asked only when none of the keys that it needs is broken itself."""

    needs: frozenset[str]
    check: Callable[[Settings], Iterator[Problem]]


def _rule(check: Callable[[Settings], Iterator[Problem]], *needs: str) -> Rule:
    return Rule(frozenset(needs), check)


RULES = (
    _rule(rules_production.called_prod, "environment"),
    _rule(rules_production.keeps_its_data, "environment", "protect"),
    _rule(rules_production.has_a_replica, "environment", "replica"),
    _rule(rules_production.is_isolated, "environment", "network"),
    _rule(rules_production.comes_by_itself, "environment", "schedules", "promote"),
    _rule(rules_production.tells_somebody, "environment", "notifications"),
    _rule(rules_places.replica_is_elsewhere, "region", "replica"),
    _rule(
        rules_places.buckets_are_not_ours,
        *("environment", "accountId", "region", "replica", "promote", "sources", "restore"),
    ),
    _rule(rules_places.sources_differ, "sources"),
    _rule(rules_places.environment_fits, "sources", "restore"),
    _rule(rules_places.keys_are_here, "region", "sources", "restore"),
    _rule(rules_places.ceiling_is_above, "workers", "remediation"),
    _rule(rules_places.zones_exist, "region", "network"),
    _rule(rules_places.reserves_what_there_is, "workers"),
    _rule(rules_promotion.another_stack_takes_over, "environment", "promote", "replica"),
    _rule(rules_promotion.key_is_the_copys, "accountId", "region", "promote"),
    _rule(rules_promotion.classes_are_the_copys, "promote", "tier"),
    _rule(rules_access.trusts_others, "accountId", "access"),
    _rule(rules_access.shares_what_fits, "sources", "access"),
    _rule(rules_access.roles_are_ours_to_name, "environment", "accountId", "region", "access"),
    _rule(rules_access.who_tags_does_not_delete, "access"),
    _rule(rules_places.subnets_are_large_enough, "network"),
    _rule(rules_places.tags_are_true, "tags"),
    _rule(rules_time.lock_within_retention, "retention"),
    _rule(rules_time.audit_lock_within_audit, "retention"),
    _rule(rules_time.undelete_within_retention, "retention"),
    _rule(rules_time.restores_in_time, "tier", "retention"),
    _rule(rules_time.window_before_next_run, "schedules", "alarms"),
    _rule(rules_time.runs_do_not_meet, "schedules", "alarms"),
    _rule(rules_time.runs_often_enough, "schedules", "alarms"),
    _rule(rules_time.watchdog_looks_daily, "schedules"),
    _rule(rules_time.collects_daily, "schedules"),
    _rule(rules_time.looks_before_their_alarms, "schedules", "alarms"),
    _rule(rules_time.collects_before_its_alarm, "schedules", "alarms"),
    _rule(rules_time.alarm_after_drills, "alarms", "verification"),
    _rule(rules_vault.is_on_in_production, "environment", "vault"),
    _rule(rules_vault.keeps_what_is_cold, "vault"),
    _rule(rules_vault.copies_outlive, "vault"),
    _rule(rules_vault.tests_by_the_calendar, "vault"),
    _rule(rules_vault.sources_beside_tables, "vault"),
    _rule(rules_vault.sources_are_of_this_account, "accountId", "sources", "vault"),
    _rule(rules_vault.sources_are_not_restored_into, "environment", "sources", "vault"),
)
