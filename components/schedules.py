"""What starts functions by the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import pulumi_aws as aws
from pulumi import ComponentResource, Output, ResourceOptions

from components.policy import document, trust
from components.refs import FunctionRef, KeyRef, QueueRef
from components.rights_policy import allow
from functions.contract.messages import CollectEvent, RestoreEvent, StartEvent, VerifyEvent
from functions.engine.errors import ConfigurationError

EVENT_AGE_SECONDS: Final = 3_600
RETRIES: Final = 3
SCHEDULED_TIME: Final = "<aws.scheduler.scheduled-time>"
"""Becomes the time that the schedule meant (EventBridge Scheduler User Guide, "Adding context attributes")."""


class Target(NamedTuple):
    """What a schedule starts, and with what."""

    function: str
    event: Mapping[str, object]


TARGETS: Final[Mapping[str, Target]] = {
    "incremental": Target("initiator", {StartEvent.TYPE: "INCREMENTAL", StartEvent.SCHEDULED: SCHEDULED_TIME}),
    "full": Target("initiator", {StartEvent.TYPE: "FULL", StartEvent.SCHEDULED: SCHEDULED_TIME}),
    "watchdog": Target("watchdog", {}),
    "sample": Target("verifier", {VerifyEvent.VERIFY: "sample"}),
    "structure": Target("verifier", {VerifyEvent.VERIFY: "structure"}),
    "drill": Target("verifier", {VerifyEvent.VERIFY: "drill"}),
    "restore_poll": Target("restore", {RestoreEvent.POLL: True}),
    "collect": Target("collector", {}),
    "remediate": Target("remediator", {}),
    "measure": Target("collector", {CollectEvent.MEASURE: True}),
}
"""By the names of the settings."""


class Entry(NamedTuple):
    """A schedule: its name, its expression, the function that it calls, and the event."""

    name: str
    expression: str
    function: FunctionRef
    event: Mapping[str, object]


def entries(expressions: Mapping[str, str], functions: Mapping[str, FunctionRef]) -> tuple[Entry, ...]:
    """Give a schedule for each expression, by the names in TARGETS. ConfigurationError unless there is one for each."""
    if expressions.keys() != TARGETS.keys():
        raise ConfigurationError(
            f"schedules are {', '.join(sorted(expressions))}, and must be {', '.join(sorted(TARGETS))}"
        )
    return tuple(
        Entry(name, expressions[name], functions[target.function], target.event) for name, target in TARGETS.items()
    )


@dataclass(frozen=True)
class SchedulesArgs:
    """The schedules of a stack, in a group of their own."""

    group: str
    entries: tuple[Entry, ...]
    dead_letters: QueueRef
    key: KeyRef
    account_id: str
    region: str
    timezone: str = "UTC"
    partition: str = "aws"
    paused: bool = False


class Schedules(ComponentResource):
    """Schedules of EventBridge Scheduler: it tries for an hour, then puts the event into the dead letters."""

    group: Output[str]

    def __init__(self, name: str, args: SchedulesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Schedules", name, None, opts)
        self._name, self._args = name, args
        group = aws.scheduler.ScheduleGroup(f"{name}-group", name=args.group, opts=ResourceOptions(parent=self))
        role, policy = self._role()
        for entry in args.entries:
            self._schedule(entry, group, role, policy)
        self.group = group.name
        self.register_outputs({"group": group.name})

    def _role(self) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        args = self._args
        group_arn = f"arn:{args.partition}:scheduler:{args.region}:{args.account_id}:schedule-group/{args.group}"
        only_here = {"StringEquals": {"aws:SourceAccount": args.account_id, "aws:SourceArn": group_arn}}
        role = aws.iam.Role(
            f"{self._name}-role",
            description="Starts functions by the clock",
            assume_role_policy=trust("scheduler.amazonaws.com", only_here),
            opts=ResourceOptions(parent=self),
        )
        functions = {id(entry.function.arn): entry.function.arn for entry in args.entries}
        rights = [
            allow("Start", ("lambda:InvokeFunction",), list(functions.values())),
            allow("DeadLetters", ("sqs:SendMessage",), [args.dead_letters.arn]),
            # Of the queue, and of the events themselves (EventBridge Scheduler User Guide, "Encryption at rest").
            allow("Key", ("kms:Decrypt", "kms:GenerateDataKey"), [args.key.arn]),
        ]
        policy = aws.iam.RolePolicy(
            f"{self._name}-rights",
            role=role.id,
            policy=document(rights),
            opts=ResourceOptions(parent=self),
        )
        return role, policy

    def _schedule(
        self, entry: Entry, group: aws.scheduler.ScheduleGroup, role: aws.iam.Role, policy: aws.iam.RolePolicy
    ) -> None:
        args = self._args
        aws.scheduler.Schedule(
            f"{self._name}-{entry.name}",
            name=entry.name.replace("_", "-"),
            group_name=group.name,
            schedule_expression=entry.expression,
            schedule_expression_timezone=args.timezone,
            state="DISABLED" if args.paused else "ENABLED",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            kms_key_arn=args.key.arn,
            target=aws.scheduler.ScheduleTargetArgs(
                arn=entry.function.arn,
                role_arn=role.arn,
                input=Output.json_dumps(dict(entry.event)),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_event_age_in_seconds=EVENT_AGE_SECONDS, maximum_retry_attempts=RETRIES
                ),
                dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=args.dead_letters.arn),
            ),
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )
