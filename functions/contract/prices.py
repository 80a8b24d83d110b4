"""What AWS charges, in US dollars: list prices without free tiers, discounts and steps for large amounts.

The only place for prices. What a restore will cost, what a storage class means and what a month costs are all counted
with these. They were read in copies of the price pages, not on the pages of the day: `AS_OF` says when.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

AS_OF: Final = "2026-11-20"
REGION: Final = "us-east-1"
"""Where these are the prices. Most other regions cost the same or up to a third more."""


class Price(NamedTuple):
    """The price of one `unit`, and the page of AWS that it is from."""

    usd: float
    unit: str
    page: str


_S3 = "Amazon S3 pricing"
_WATCH = "Amazon CloudWatch pricing"
_TABLES = "Amazon DynamoDB pricing, on-demand"
_BACKUP = "AWS Backup pricing"
_GB_MONTH = "GB and month"
_BY_CLASS: Final = {
    # A GB and month, a GB read, 1,000 objects moved in by lifecycle, 1,000 PUTs straight into it, 1,000 GETs.
    "STANDARD": (0.023, 0.0, 0.0, 0.005, 0.0004),
    "INTELLIGENT_TIERING": (0.023, 0.0, 0.01, 0.005, 0.0004),
    "STANDARD_IA": (0.0125, 0.01, 0.01, 0.01, 0.001),
    "GLACIER_IR": (0.004, 0.03, 0.02, 0.02, 0.01),
    "GLACIER": (0.0036, 0.01, 0.03, 0.03, 0.0004),
    "DEEP_ARCHIVE": (0.00099, 0.02, 0.05, 0.05, 0.0004),
}


def _of_classes() -> dict[str, Price]:
    made = {}
    for name, (stored, read, move, put, get) in _BY_CLASS.items():
        made[f"s3.storage.{name}"] = Price(stored, _GB_MONTH, _S3)
        made[f"s3.read.{name}"] = Price(read, "GB read", _S3)
        made[f"s3.move.{name}"] = Price(move / 1_000, "object moved by lifecycle", _S3)
        made[f"s3.put.{name}"] = Price(put / 1_000, "PUT, COPY, POST or LIST", _S3)
        made[f"s3.get.{name}"] = Price(get / 1_000, "GET, HEAD and others", _S3)
    return made


PRICES: Final[Mapping[str, Price]] = MappingProxyType(
    {
        **_of_classes(),
        "s3.watch": Price(0.0025 / 1_000, "object of INTELLIGENT_TIERING and month", _S3),
        "s3.time_control": Price(0.015, "GB replicated with time control", _S3),
        "s3.transfer": Price(0.02, "GB sent to another region", _S3),
        "s3.thaw.GLACIER": Price(0.05 / 1_000, "object thawed, standard", _S3),
        "s3.thaw.DEEP_ARCHIVE": Price(0.10 / 1_000, "object thawed, standard", _S3),
        "s3.thaw_bulk.GLACIER": Price(0.0, "object thawed, bulk", _S3),
        "s3.thaw_bulk.DEEP_ARCHIVE": Price(0.025 / 1_000, "object thawed, bulk", _S3),
        "s3.thaw_bulk_gb.GLACIER": Price(0.0, "GB thawed, bulk", _S3),
        "s3.thaw_bulk_gb.DEEP_ARCHIVE": Price(0.0025, "GB thawed, bulk", _S3),
        "lambda.gb_second": Price(0.0000133334, "GB-second, arm64", "AWS Lambda pricing"),
        "lambda.request": Price(0.20e-6, "invocation", "AWS Lambda pricing"),
        "dynamodb.write": Price(0.625e-6, "write request unit", _TABLES),
        "dynamodb.replicated_write": Price(0.625e-6, "replicated write request unit", _TABLES),
        "dynamodb.read": Price(0.125e-6, "read request unit", _TABLES),
        "dynamodb.storage": Price(0.25, _GB_MONTH, _TABLES),
        "dynamodb.recovery": Price(0.20, _GB_MONTH, _TABLES),
        "apigateway.request": Price(1.00e-6, "request of an HTTP API, of 512 KB", "Amazon API Gateway pricing"),
        "sqs.request": Price(0.40e-6, "request, standard queue", "Amazon SQS pricing"),
        "sns.publish": Price(0.50e-6, "notice published", "Amazon SNS pricing"),
        "sns.email": Price(2.00 / 100_000, "mail", "Amazon SNS pricing"),
        "scheduler.invocation": Price(1.00e-6, "invocation", "Amazon EventBridge pricing"),
        "eventbridge.event": Price(1.00e-6, "custom event, or event of S3", "Amazon EventBridge pricing"),
        "kms.key": Price(1.00, "key, or one of its first two rotations, and month", "AWS KMS pricing"),
        "kms.request": Price(0.03 / 10_000, "request", "AWS KMS pricing"),
        "cloudwatch.alarm": Price(0.10, "metric of an alarm and month", _WATCH),
        "cloudwatch.dashboard": Price(3.00, "dashboard and month", _WATCH),
        "cloudwatch.metric": Price(0.30, "metric of one's own and month", _WATCH),
        "cloudwatch.logs": Price(0.50, "GB of logs taken in", _WATCH),
        "cloudwatch.vended": Price(0.50, "GB of flow logs taken in", _WATCH),
        "cloudwatch.stored": Price(0.03, _GB_MONTH, _WATCH),
        "xray.trace": Price(5.00e-6, "trace recorded", "AWS X-Ray pricing"),
        "cloudtrail.data_event": Price(0.10 / 100_000, "data event", "AWS CloudTrail pricing"),
        "vpc.endpoint_hour": Price(0.01, "interface endpoint, zone and hour", "AWS PrivateLink pricing"),
        "vpc.endpoint_gb": Price(0.01, "GB through an interface endpoint", "AWS PrivateLink pricing"),
        "budgets.budget": Price(0.0, "budget without actions", "AWS Budgets pricing"),
        "backup.storage": Price(0.05, "GB of S3 in a warm vault and month", _BACKUP),
        "backup.restore": Price(0.02, "GB of S3 restored", _BACKUP),
        "backup.table_warm": Price(0.10, "GB of DynamoDB in a warm vault and month", _BACKUP),
        "backup.table_cold": Price(0.03, "GB of DynamoDB in cold storage and month", _BACKUP),
        "backup.table_restore": Price(0.15, "GB of DynamoDB restored", _BACKUP),
    }
)
"""By service and what is used of it."""


def usd(name: str) -> float:
    """Give the price of one unit. Raises KeyError for a thing without a price."""
    return PRICES[name].usd
