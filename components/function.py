"""A function with everything of its own: role, log group, alias, and where its failed events go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pulumi_aws as aws
from pulumi import Archive, ComponentResource, Input, Output, ResourceOptions

from components.package import ARCHITECTURE, RUNTIME
from components.policy import document, trust
from components.refs import FunctionRef, KeyRef, NetworkRef, QueueRef
from components.resources import log_group_name
from components.rights_policy import Statement, network_statements, on_failure_statements
from functions.contract.rights import ALIAS

_EVENT_SECONDS = 21_600
"""The longest that Lambda keeps an event that it was given (AWS Lambda API, PutFunctionEventInvokeConfig)."""
_RETRIES = 2


@dataclass(frozen=True, kw_only=True)
class FunctionArgs:
    """A function. What steers is plain; `statements` are all that its own code needs."""

    name: str
    """At Lambda."""
    arn: str
    """Without alias; known beforehand, so that its own role can name it."""
    description: str
    handler: str
    environment: Mapping[str, Input[str]]
    statements: Sequence[Statement]
    code: Archive
    layer_arn: Input[str]
    key: KeyRef
    on_failure: QueueRef
    """Where events go that failed for good, also those that somebody gives by hand to a function of a queue."""
    memory_mb: int = 1_769
    """1,769 MB are one core (AWS Lambda Developer Guide, "Configure Lambda function memory")."""
    timeout_seconds: int = 900
    log_days: int = 30
    network: NetworkRef | None = None
    concurrency: int | None = None
    """Invocations at once, taken from the account's; None takes what the account has left."""
    goes_on: bool = False
    """Whether it starts itself again, by an event or a message, which Lambda else stops after some 16 times."""


def role_statements(args: FunctionArgs) -> list[Statement]:
    """Give all statements of a function's role: its own, and what Lambda needs as the function."""
    beside = on_failure_statements(args.arn, args.on_failure.arn, args.key.arn)
    if args.network is not None:
        beside += network_statements(args.arn)
    return [*args.statements, *beside]


class Function(ComponentResource):
    """A function, called by its alias `live`."""

    ref: FunctionRef
    role_arn: Output[str]

    def __init__(self, name: str, args: FunctionArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Function", name, None, opts)
        self._name, self._args = name, args
        role, policy = self._role()
        function = self._function(role, policy, self._log_group())
        alias = aws.lambda_.Alias(
            f"{name}-{ALIAS}",
            name=ALIAS,
            description="What schedules and queues call",
            function_name=function.name,
            function_version=function.version,
            opts=self._mine,
        )
        if args.goes_on:
            aws.lambda_.FunctionRecursionConfig(
                f"{name}-recursion", function_name=function.name, recursive_loop="Allow", opts=self._mine
            )
        self._events(function, alias)
        self.ref = FunctionRef(function.name, alias.arn, args.timeout_seconds)
        self.role_arn = role.arn
        self.register_outputs({"name": function.name, "arn": alias.arn, "role_arn": role.arn})

    @cached_property
    def _mine(self) -> ResourceOptions:
        return ResourceOptions(parent=self)

    def _role(self) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        # Its name is the function's and a few characters: the policies of endpoints know it by that.
        role = aws.iam.Role(
            self._args.name,
            description=f"Rights of {self._args.name}",
            assume_role_policy=trust("lambda.amazonaws.com"),
            opts=self._mine,
        )
        policy = aws.iam.RolePolicy(
            f"{self._name}-rights",
            role=role.id,
            policy=document(role_statements(self._args)),
            opts=self._mine,
        )
        return role, policy

    def _log_group(self) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            f"{self._name}-logs",
            name=log_group_name(self._args.name),
            retention_in_days=self._args.log_days,
            kms_key_id=self._args.key.arn,
            opts=self._mine,
        )

    def _function(
        self, role: aws.iam.Role, policy: aws.iam.RolePolicy, logs: aws.cloudwatch.LogGroup
    ) -> aws.lambda_.Function:
        args = self._args
        return aws.lambda_.Function(
            f"{self._name}-function",
            name=args.name,
            description=args.description,
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=args.handler,
            code=args.code,
            layers=[args.layer_arn],
            role=role.arn,
            memory_size=args.memory_mb,
            timeout=args.timeout_seconds,
            reserved_concurrent_executions=args.concurrency,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=args.environment),
            kms_key_arn=args.key.arn,
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="Text", log_group=logs.name),
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active"),
            vpc_config=_vpc_config(args.network),
            # The event as it was, ready to be given again; the record of `_events` beside it says what went wrong.
            dead_letter_config=aws.lambda_.FunctionDeadLetterConfigArgs(target_arn=args.on_failure.arn),
            publish=True,
            # Lambda tries the rights when it makes the function, and a mapping when it makes that.
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _events(self, function: aws.lambda_.Function, alias: aws.lambda_.Alias) -> None:
        """Keep what failed, however the function was called: schedules use the alias, the function itself its name."""
        for suffix, qualifier in ((ALIAS, alias.name), ("latest", None)):
            aws.lambda_.FunctionEventInvokeConfig(
                f"{self._name}-events-{suffix}",
                function_name=function.name,
                qualifier=qualifier,
                maximum_event_age_in_seconds=_EVENT_SECONDS,
                maximum_retry_attempts=_RETRIES,
                destination_config=aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
                    on_failure=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(
                        destination=self._args.on_failure.arn
                    )
                ),
                opts=self._mine,
            )


def _vpc_config(network: NetworkRef | None) -> aws.lambda_.FunctionVpcConfigArgs | None:
    if network is None:
        return None
    return aws.lambda_.FunctionVpcConfigArgs(
        subnet_ids=network.subnet_ids, security_group_ids=network.security_group_ids
    )
