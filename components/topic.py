"""The topic of all notices: encrypted, over TLS only, open to the services that raise alarms."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import ComponentResource, Input, ResourceOptions

from components.key_policy import EVENTS, publisher
from components.policy import document
from components.refs import KeyRef, TopicRef
from components.rights_policy import Statement

ALARMS = "cloudwatch.amazonaws.com"
BUDGETS = "budgets.amazonaws.com"
TRAILS = "cloudtrail.amazonaws.com"
PUBLISHERS = (ALARMS, EVENTS, BUDGETS)


@dataclass(frozen=True)
class TopicArgs:
    """The topic. `publishers` are services; the key's policy must let each of them use the key.

    Functions publish by their own roles.
    """

    name: str
    key: KeyRef
    account_id: str
    region: str | None = None
    """Where it stands; the stack's region by default."""
    email: str | None = None
    """Gets every notice, once the mail that asks for it has been answered."""
    publishers: tuple[str, ...] = PUBLISHERS
    display_name: str = "Strongroom"


class Topic(ComponentResource):
    """A topic and who may publish on it."""

    ref: TopicRef

    def __init__(self, name: str, args: TopicArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Topic", name, None, opts)
        topic = aws.sns.Topic(
            f"{name}-topic",
            name=args.name,
            region=args.region,
            display_name=args.display_name,
            kms_master_key_id=args.key.arn,
            opts=ResourceOptions(parent=self),
        )
        aws.sns.TopicPolicy(
            f"{name}-topic",
            arn=topic.arn,
            region=args.region,
            policy=document(policy_statements(args, topic.arn)),
            opts=ResourceOptions(parent=self),
        )
        if args.email is not None:
            aws.sns.TopicSubscription(
                f"{name}-email",
                topic=topic.arn,
                region=args.region,
                protocol="email",
                endpoint=args.email,
                opts=ResourceOptions(parent=self),
            )
        self.ref = TopicRef(topic.name, topic.arn)
        self.register_outputs({"arn": topic.arn})


def policy_statements(args: TopicArgs, arn: Input[str]) -> list[Statement]:
    """Give the topic's policy: the services, and nothing without TLS."""
    tls_only = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sns:Publish",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return [*(publisher(service, args.account_id, ("sns:Publish",), arn) for service in args.publishers), tls_only]
