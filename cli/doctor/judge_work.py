"""Decides what is wrong with what works and what watches: functions, schedules, alarms, queues, people. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from cli.doctor.expected import SCHEDULES
from cli.doctor.facts import AlarmState, Function, Quota, Simulated, Subscription
from cli.doctor.finding import DEPLOY, Finding, error, remark, warning
from cli.doctor.judge_data import hours
from components.settings.workers import UNRESERVED, Workers
from functions.contract.rights import RIGHTS
from functions.runtime.stack_reading import QueueDepth

_RUNBOOKS = "docs/runbooks"
_ENABLED = "Enabled"
_NEW_ALARM = timedelta(days=2)
"""Some alarms look back that far before they know their state."""
_SHOWN = 5
_FED = {"worker": 2, "restore_worker": 1}
"""Queues that feed a function."""
NO_ENDPOINT = frozenset({"kms", "logs", "xray"})
"""Services that functions have rights for and never connect to: others call them for the function."""
_QUOTA = "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384"
_WHAT_TO_DO = "What to do: "


def judge_function(purpose: str, name: str, found: Function, workers: Workers | None) -> Iterator[Finding]:
    """Say whether a function can be called, is fed, and is as large as the settings say."""
    log = f"{_RUNBOOKS}/function-errors.md"
    if found.state not in {"Active", "Inactive"} or found.updated == "Failed":
        yield error("function", name, f"is {found.state}, its last update {found.updated}", f"{DEPLOY}; {log}")
    fed = _FED.get(purpose, 0)
    if len(found.feeds) < fed:
        yield error("function", name, f"{len(found.feeds)} of {fed} queues feed it", DEPLOY)
    for queue, state in sorted(found.feeds.items()):
        if state not in {_ENABLED, "Enabling", "Updating"}:
            yield error("function", name, f"the queue {queue} does not feed it: {state}", DEPLOY)
    if workers is None:
        return
    for what, actual, wanted in (
        ("MB of memory", found.memory_mb, workers.memory_mb),
        ("seconds of timeout", found.timeout_seconds, workers.timeout_seconds),
    ):
        if actual != wanted:
            setting = "memoryMb" if "memory" in what else "timeoutSeconds"
            keep = f"or keep it: pulumi config set --path 'strongroom:workers.{setting}' {actual}"
            yield warning("drift", name, f"has {actual:,} {what}, the settings say {wanted:,}", f"{DEPLOY}; {keep}")
    if workers.reserved and found.reserved is None:
        yield warning("drift", name, "no concurrency is reserved for it, though the settings say so", DEPLOY)


def judge_quota(found: Quota, at_once: int, *, reserved: bool) -> Iterator[Finding]:
    """Say whether the account lets so many functions run at once."""
    needed = at_once + UNRESERVED
    if found.limit < needed:
        what = f"{found.limit:,} executions at once, the stack takes {at_once:,} and Lambda keeps {UNRESERVED} free"
        yield error("quota", "Lambda", what, f"{_QUOTA} --desired-value {max(1_000, needed)}")
    elif not reserved and found.unreserved < at_once:
        what = f"others have reserved all but {found.unreserved:,} executions, the stack takes {at_once:,}"
        yield warning("quota", "Lambda", what, f"{_QUOTA} --desired-value {found.limit + at_once}")


def judge_schedules(group: str, found: Mapping[str, str], *, paused: bool) -> Iterator[Finding]:
    """Say which schedules are missing, or on and off otherwise than the settings say."""
    if missing := [name for name in SCHEDULES if name not in found]:
        yield error("schedules", group, f"are not there: {', '.join(missing)}", DEPLOY)
    on = sorted(name for name, state in found.items() if state == "ENABLED")
    off = sorted(found.keys() - set(on))
    if paused:
        resume = "pulumi config set --path strongroom:schedules.paused false, then pulumi up"
        yield remark("schedules", group, "are paused by the settings: nothing comes by the clock", resume)
        if on:
            yield warning("drift", group, f"are on, though the settings pause them: {', '.join(on)}", DEPLOY)
    elif off:
        yield error("schedules", group, f"are switched off: {', '.join(off)}", DEPLOY)


def judge_alarms(stack: str, found: Sequence[AlarmState], now: datetime, *, paused: bool) -> Iterator[Finding]:
    """Say which alarms ring, tell nobody, or know nothing."""
    if not found:
        yield error("alarms", stack, "there is no alarm", DEPLOY)
    for alarm in found:
        if alarm.state == "ALARM":
            page = alarm.description.partition(_WHAT_TO_DO)[2] or "see its description"
            what = f"rings since {hours(now - alarm.since)}: {alarm.description.partition(_WHAT_TO_DO)[0].strip()}"
            yield error("alarms", alarm.name, what, page)
    mute = [alarm.name for alarm in found if not alarm.tells]
    if mute and not paused:
        yield error("alarms", stack, f"{_some(mute)} would tell nobody", DEPLOY)
    old = now - _NEW_ALARM
    blind = [alarm.name for alarm in found if alarm.state == "INSUFFICIENT_DATA" and alarm.since < old]
    if blind and not paused:
        remedy = f"is what they look at still written? {_RUNBOOKS}/README.md has a page for each"
        yield warning("alarms", stack, f"{_some(blind)} have no data for two days", remedy)


def judge_dead_letters(found: QueueDepth) -> Iterator[Finding]:
    """Say what was given up."""
    count = found.waiting + found.in_flight + found.delayed
    if count:
        yield error("queues", found.name, f"{count:,} messages were given up", f"{_RUNBOOKS}/dead-letters.md")


def judge_subscriptions(topic: str, found: Sequence[Subscription]) -> Iterator[Finding]:
    """Say whether people are told."""
    for one in found:
        if not one.confirmed:
            remedy = (
                "answer the mail `AWS Notification - Subscription Confirmation`; after three days it is sent anew by"
            )
            again = f"aws sns subscribe --topic-arn {topic} --protocol {one.protocol} --notification-endpoint"
            what = f"{one.endpoint} is told nothing: the subscription was never confirmed"
            yield warning("people", topic, what, f"{remedy} {again} {one.endpoint}")
    if not any(one.confirmed for one in found):
        yield error("people", topic, "nobody is told anything", "set strongroom:notifications.email, and deploy")


def judge_endpoints(network: str, found: Mapping[str, str], region: str) -> Iterator[Finding]:
    """Say which services the functions cannot reach: by service name, such as `com.amazonaws.us-east-1.sqs`."""
    for service in needed_services():
        name = f"com.amazonaws.{region}.{service}"
        if name not in found:
            yield error("network", network, f"has no endpoint of {service}", DEPLOY)
        elif found[name].lower() != "available":
            yield error(
                "network", network, f"the endpoint of {service} is {found[name]}", "wait some minutes, then deploy"
            )


def needed_services() -> list[str]:
    """Give the services that functions connect to, as their rights say."""
    actions = (action for rights in RIGHTS.values() for right in rights for action in right.actions)
    return sorted({action.partition(":")[0] for action in actions} - NO_ENDPOINT)


def judge_rights(who: str, found: Iterable[Simulated]) -> Iterator[Finding]:
    """Say which commands the caller may not use. Nobody needs all of them."""
    for commands, refused in found:
        if refused:
            what = f"may not use `{commands}`: {', '.join(refused)}"
            yield remark("rights", who, what, "if this person should: docs/cli.md, Rights")


def _some(names: Collection[str]) -> str:
    shown = sorted(names)[:_SHOWN]
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{', '.join(shown)}{more}"
