"""Says when the month costs more than it may."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.refs import TopicRef
from functions.engine.errors import ConfigurationError

PAGE = "monthly-cost"


@dataclass(frozen=True)
class BudgetArgs:
    """A budget of what carries one tag.

    The tag must be activated as a cost allocation tag, once for the account; until then nothing is counted. A topic
    must let `budgets.amazonaws.com` publish, and its key let it use kms:Decrypt and kms:GenerateDataKey* (AWS Cost
    Management User Guide, "Creating an Amazon SNS topic for budget notifications"). Mail to `email` needs neither.
    """

    name: str
    monthly_usd: float
    tag: tuple[str, str]
    """Key and value of the tag that all resources of the stack carry."""
    topic: TopicRef | None
    email: str | None = None
    warn_percent: int = 80


class Budget(pulumi.ComponentResource):
    """The budget of a month: warns at a percentage and at all of it spent, and when the forecast passes 100 %."""

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Budget", name, None, opts)
        if args.topic is None and args.email is None:
            raise ConfigurationError("a budget needs somebody to tell: a topic or an e-mail address")
        key, value = args.tag
        aws.budgets.Budget(
            "monthly",
            name=args.name,
            budget_type="COST",
            limit_amount=f"{args.monthly_usd:.2f}",
            limit_unit="USD",
            time_unit="MONTHLY",
            cost_filters=[aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:{key}${value}"])],
            notifications=[
                _notification(args, "ACTUAL", args.warn_percent),
                _notification(args, "ACTUAL", 100),
                _notification(args, "FORECASTED", 100),
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"name": args.name})


def _notification(args: BudgetArgs, kind: str, percent: int) -> aws.budgets.BudgetNotificationArgs:
    return aws.budgets.BudgetNotificationArgs(
        notification_type=kind,
        comparison_operator="GREATER_THAN",
        threshold=percent,
        threshold_type="PERCENTAGE",
        subscriber_sns_topic_arns=[args.topic.arn] if args.topic else [],
        subscriber_email_addresses=[args.email] if args.email else [],
    )
