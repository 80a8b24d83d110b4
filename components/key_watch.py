"""Watches over keys: whoever schedules a key's deletion, or disables it, is seen at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.key_policy import EVENTS
from components.policy import document, trust
from components.refs import KeyRef, TopicRef

PAGE = "key-at-risk"
CALLS = ("ScheduleKeyDeletion", "DisableKey")


@dataclass(frozen=True)
class KeyPlace:
    """A region with a key in it, and the topic there."""

    region: str
    key: KeyRef
    topic: TopicRef


@dataclass(frozen=True)
class KeyWatchArgs:
    """The places of keys: one, or two that watch over each other.

    A key that is to be deleted encrypts nothing from that moment on, the topic's messages included. So each region
    also tells the other's topic, which another key encrypts. With one place only, the message goes out only while SNS
    still holds a data key: five minutes (Amazon SNS Developer Guide, "Managing Amazon SNS encryption keys and costs").

    Topics must let `events.amazonaws.com` publish, and their keys let it use kms:Decrypt and kms:GenerateDataKey*,
    both without conditions on the source: with them EventBridge drops everything in silence (Amazon EventBridge User
    Guide, "Troubleshooting Amazon EventBridge"). A trail that records management events must exist.
    """

    stack: str
    account_id: str
    places: tuple[KeyPlace, ...]
    partition: str = "aws"
    runbooks: str = "docs/runbooks"
    more_keys: tuple[KeyRef, ...] = ()
    """Keys that are watched too, and that encrypt no topic of these."""


class KeyWatch(pulumi.ComponentResource):
    """Rules on the calls that take a key away."""

    def __init__(self, name: str, args: KeyWatchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:KeyWatch", name, None, opts)
        self._args = args
        keys = [*(place.key for place in args.places), *args.more_keys]
        for place in args.places:
            self._tell(place, self._rule(f"{PAGE}-{place.region}", place.region, keys))
        if len(args.places) > 1:
            role = self._role()
            for here, there in zip(args.places, reversed(args.places), strict=True):
                self._hand_over(here, there, role)
        self.register_outputs({})

    def _rule(self, name: str, region: str, keys: Sequence[KeyRef]) -> aws.cloudwatch.EventRule:
        """Make a rule on the calls that name one of the keys, also on those that were refused."""
        pattern = {
            "source": ["aws.kms"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {
                "eventSource": ["kms.amazonaws.com"],
                "eventName": list(CALLS),
                "resources": {"ARN": [key.arn for key in keys]},
            },
        }
        return aws.cloudwatch.EventRule(
            name,
            name=f"{self._args.stack}-{name}",
            region=region,
            description=f"A key is to be deleted or disabled. What to do: {self._args.runbooks}/{PAGE}.md",
            event_pattern=pulumi.Output.json_dumps(pattern),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _tell(self, place: KeyPlace, rule: aws.cloudwatch.EventRule) -> None:
        text = (
            f"{self._args.stack}: <call> was called on the key <key> by <who> at <time>; error: <error>. Without that "
            f"key no backup can be read. Undo it at once: {self._args.runbooks}/{PAGE}.md"
        )
        paths = {
            "call": "$.detail.eventName",
            "key": "$.detail.resources[0].ARN",
            "who": "$.detail.userIdentity.arn",
            "time": "$.detail.eventTime",
            "error": "$.detail.errorCode",
        }
        aws.cloudwatch.EventTarget(
            f"{PAGE}-{place.region}",
            rule=rule.name,
            region=place.region,
            arn=place.topic.arn,
            # A template that is text must stand in quotes, and becomes one line.
            input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                input_paths=paths, input_template=f'"{text}"'
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _hand_over(self, here: KeyPlace, there: KeyPlace, role: aws.iam.Role) -> None:
        """Send what happens to this region's key to the other one. A rule of its own, on this key only: no circle."""
        name = f"{PAGE}-{here.region}-away"
        rule = self._rule(name, here.region, [here.key])
        aws.cloudwatch.EventTarget(
            name,
            rule=rule.name,
            region=here.region,
            arn=self._bus(there),
            role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _role(self) -> aws.iam.Role:
        """Make the role by which a region hands events to the other."""
        # No condition on the source: where EventBridge does not send it, the hand-over would fail in silence.
        role = aws.iam.Role(
            PAGE,
            description="Hands events about keys to the other region",
            assume_role_policy=trust(EVENTS),
            opts=pulumi.ResourceOptions(parent=self),
        )
        send = {
            "Effect": "Allow",
            "Action": "events:PutEvents",
            "Resource": [self._bus(place) for place in self._args.places],
        }
        aws.iam.RolePolicy(
            PAGE,
            role=role.name,
            policy=document([send]),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return role

    def _bus(self, place: KeyPlace) -> str:
        return f"arn:{self._args.partition}:events:{place.region}:{self._args.account_id}:event-bus/default"
