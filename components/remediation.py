"""What calls the remediator at once: alarms of this stack, and the metrics that say that a function lacked memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, Output, ResourceOptions

from components.key_policy import EVENTS
from components.refs import FunctionRef
from components.resources import log_group_name
from functions.contract.metric_names import OUT_OF_MEMORY
from functions.contract.rights import ALIAS

PAGES: Final = ("function-memory", "dead-letters", "backups-failed", "run-overdue")
"""Alarms that the remediator may do something about. None of them is about the remediator."""
KILLED: Final = '?"Runtime.OutOfMemory" ?"signal: killed" ?"exit status 137"'
"""What Lambda writes into a function's log when it ran out of memory (AWS re:Post, "Troubleshoot Lambda functions
that exceed their memory")."""
_AGE_SECONDS: Final = 3_600
_RETRIES: Final = 3


@dataclass(frozen=True, kw_only=True)
class RemediationArgs:
    """The stack, the remediator, and the functions whose memory is watched, by their names at Lambda."""

    stack: str
    account_id: str
    remediator: FunctionRef
    functions: Mapping[str, FunctionRef]
    enabled: bool = True
    """Else memory is watched all the same, and nobody is called."""


class Remediation(ComponentResource):
    """A rule on the alarms, and a filter on the log of each function."""

    def __init__(self, name: str, args: RemediationArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Remediation", name, None, opts)
        self._name, self._args, self._mine = name, args, ResourceOptions(parent=self)
        for function, ref in args.functions.items():
            self._filter(function, ref)
        if args.enabled:
            self._call(self._rule())
        self.register_outputs({})

    def _filter(self, function: str, ref: FunctionRef) -> None:
        """Count in a metric of the function's name: a filter gives no fixed dimensions."""
        aws.cloudwatch.LogMetricFilter(
            f"{self._name}-{function}",
            name=f"{function}-out-of-memory",
            # The function's own name is an output, and known when its log group is there.
            log_group_name=Output.from_input(ref.name).apply(log_group_name),
            pattern=KILLED,
            metric_transformation=aws.cloudwatch.LogMetricFilterMetricTransformationArgs(
                namespace=OUT_OF_MEMORY, name=function, value="1", unit="Count"
            ),
            opts=self._mine,
        )

    def _rule(self) -> aws.cloudwatch.EventRule:
        prefixes = [{"prefix": f"{self._args.stack}-{page}-"} for page in PAGES]
        pattern = {
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change"],
            "account": [self._args.account_id],
            "detail": {"alarmName": prefixes, "state": {"value": ["ALARM"]}},
        }
        return aws.cloudwatch.EventRule(
            self._name,
            name=f"{self._args.stack}-remediation",
            description="An alarm rings that the remediator may do something about",
            event_pattern=Output.json_dumps(pattern),
            opts=self._mine,
        )

    def _call(self, rule: aws.cloudwatch.EventRule) -> None:
        remediator = self._args.remediator
        permission = aws.lambda_.Permission(
            self._name,
            action="lambda:InvokeFunction",
            # The name, when the alias is there.
            function=Output.all(remediator.name, remediator.arn).apply(lambda both: str(both[0])),
            qualifier=ALIAS,
            principal=EVENTS,
            source_arn=rule.arn,
            opts=self._mine,
        )
        aws.cloudwatch.EventTarget(
            self._name,
            rule=rule.name,
            arn=remediator.arn,
            retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(
                maximum_event_age_in_seconds=_AGE_SECONDS, maximum_retry_attempts=_RETRIES
            ),
            opts=ResourceOptions(parent=self, depends_on=[permission]),
        )
