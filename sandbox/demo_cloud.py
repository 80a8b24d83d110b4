"""The demo's AWS: an environment that knows no real account, the clients, buckets and the table."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import boto3
from botocore.config import Config

from functions.contract.tables import DedupTable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

SOURCE, REPOSITORY, RESTORED, TABLE = "demo-source", "demo-backups", "demo-restored", "demo-chunks"
THREADS = 8

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


def isolate() -> None:
    """Forget the account, profile and proxy of whoever runs this process: the demo must not reach them."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(_ENVIRONMENT)


class Shelf(NamedTuple):
    """The bucket that holds users' files, and a client of many threads to reach it with."""

    s3: S3Client
    bucket: str


class Cloud:
    """Buckets and a table in an empty embedded AWS."""

    def __init__(self, endpoint: str) -> None:
        """Make what the demo needs; the source and the repository keep versions."""
        self.endpoint = endpoint
        for bucket in (SOURCE, REPOSITORY, RESTORED):
            self.s3.create_bucket(Bucket=bucket)
        for bucket in (SOURCE, REPOSITORY):
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self._dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": DedupTable.PARTITION_KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": DedupTable.PARTITION_KEY, "AttributeType": "B"}],
            BillingMode="PAY_PER_REQUEST",
        )

    @property
    def source(self) -> Shelf:
        """The bucket to back up."""
        return Shelf(self.s3, SOURCE)

    @cached_property
    def s3(self) -> S3Client:
        """A client for many threads."""
        config = Config(max_pool_connections=2 * THREADS)
        return boto3.client("s3", endpoint_url=self.endpoint, config=config)

    @cached_property
    def _dynamodb(self) -> DynamoDBClient:
        return boto3.client("dynamodb", endpoint_url=self.endpoint)
