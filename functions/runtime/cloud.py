"""Gives boto3 clients: each made when it is first needed, one of a kind, for all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.client import BaseClient
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sns.client import SNSClient
    from types_boto3_sqs.client import SQSClient

C = TypeVar("C")

_CONNECT_SECONDS = 5
"""A service without an endpoint in an isolated network would else cost a minute before the error names it."""
_READ_SECONDS = 20
_ATTEMPTS = 3
"""botocore's own, for broken connections; the adapters repeat what a service asks for again, with their back-off."""
_CONNECTIONS = 32
"""More than the threads of any function that call one service at once."""


class Cloud:
    """Clients of one region. They may be called from any thread; making one takes about 0.1 s, boto3 itself 0.2 s."""

    def __init__(self, region: str, endpoint: str | None = None, profile: str | None = None) -> None:
        """Say where. `endpoint` only for an emulator: each service has its own endpoint at AWS."""
        self._region = region
        self._profile = profile
        self._endpoint = endpoint
        self._session: Session | None = None
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def dynamodb(self) -> DynamoDBClient:
        """Give the client of Amazon DynamoDB."""
        return self._once("dynamodb", lambda session, options: session.client("dynamodb", **options))

    def sqs(self) -> SQSClient:
        """Give the client of Amazon SQS."""
        return self._once("sqs", lambda session, options: session.client("sqs", **options))

    def sns(self) -> SNSClient:
        """Give the client of Amazon SNS."""
        return self._once("sns", lambda session, options: session.client("sns", **options))

    def lambda_(self) -> LambdaClient:
        """Give the client of AWS Lambda."""
        return self._once("lambda", lambda session, options: session.client("lambda", **options))

    def s3(self) -> S3Client:
        """Give the client of Amazon S3, for a bucket's settings: objects move through the transport."""
        return self._once("s3", lambda session, options: session.client("s3", **options))

    def s3_control(self) -> BaseClient:
        """Give the client of Amazon S3 Control: jobs of S3 Batch Operations."""
        client: BaseClient = self._once("s3control", lambda session, options: session.client("s3control", **options))
        return client

    def _once(self, service: str, make: Callable[[Session, dict[str, Any]], C]) -> C:
        with self._lock:  # a boto3 session may be used by one thread at a time, its clients by many
            if service not in self._clients:
                self._clients[service] = make(self._made_session(), self._options())
            client: C = self._clients[service]
            return client

    def _made_session(self) -> Session:
        if self._session is None:
            from boto3.session import Session  # noqa: PLC0415 - takes long, and not every invocation needs a client

            self._session = Session(region_name=self._region, profile_name=self._profile)
        return self._session

    def _options(self) -> dict[str, Any]:
        from botocore.config import Config  # noqa: PLC0415 - see _made_session

        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            max_pool_connections=_CONNECTIONS,
            tcp_keepalive=True,
        )
        return {"endpoint_url": self._endpoint, "config": config}
