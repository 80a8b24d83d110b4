"""What stands beside the program: buckets of the organisation, and a queue that keeps what people would be told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from sandbox.aws import ACCOUNT, Clients

NOTICES: Final = "sandbox-notices"


def make_buckets(clients: Clients, config: Mapping[str, str], region: str) -> tuple[str, ...]:
    """Make the buckets that the configuration names and the program does not make: sources, and where to restore."""
    sources = [source["bucket"] for source in json.loads(config["strongroom:sources"])]
    names = tuple(dict.fromkeys([*sources, *json.loads(config["strongroom:restore"]).get("buckets", ())]))
    for name in names:
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        clients.get("s3", region).create_bucket(Bucket=name, **place)
    return names


def keep_notices(clients: Clients, topic_arn: str, region: str) -> str:
    """Make a queue that gets whatever is published on the topic; give its URL."""
    sqs, arn = clients.get("sqs", region), f"arn:aws:sqs:{region}:{ACCOUNT}:{NOTICES}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = sqs.create_queue(QueueName=NOTICES, Attributes={"Policy": policy})["QueueUrl"]
    clients.get("sns", region).subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return str(url)
