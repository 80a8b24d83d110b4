"""Gives boto3 clients: each made when it is first needed, one of a kind, for all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.client import BaseClient
    from botocore.config import Config
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sns.client import SNSClient
    from types_boto3_sqs.client import SQSClient

C = TypeVar("C")

_CONNECT_SECONDS = 5
"""A service without an endpoint in an isolated network would else cost a minute before the error names it."""
_READ_SECONDS = 20
_ANSWER_SECONDS = 930
"""A function ends within 15 minutes (AWS Lambda Developer Guide, "Lambda quotas")."""
_ATTEMPTS = 3
"""botocore's own, for broken connections; the adapters repeat what a service asks for again, with their back-off."""
_CONNECTIONS = 32
"""More than the threads of any function that call one service at once."""


class Cloud:
    """Clients of one region. They may be called from any thread; making one takes about 0.1 s, boto3 itself 0.2 s."""

    def __init__(
        self, region: str, endpoint: str | None = None, profile: str | None = None, attempts: int = _ATTEMPTS
    ) -> None:
        """Say where. `endpoint` only for an emulator: each service has its own endpoint at AWS."""
        self._attempts = attempts
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

    def patient_lambda(self) -> LambdaClient:
        """Give the client of AWS Lambda that waits for a function's answer, and never calls it twice."""
        config = _config(_ANSWER_SECONDS, 1)
        return self._once("patient", lambda session, options: session.client("lambda", **{**options, "config": config}))

    def any(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """Give the client of a service that has no method of its own, by boto3's name of it. It soon gives up."""
        config = _config(_READ_SECONDS, 1)

        def make(session: Any, options: dict[str, Any]) -> Any:  # noqa: ANN401 - see above
            return session.client(service, **{**options, "config": config})

        return self._once(f"any {service}", make)

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
        return {"endpoint_url": self._endpoint, "config": _config(_READ_SECONDS, self._attempts)}


def _config(read_seconds: float, attempts: int) -> Config:
    from botocore.config import Config  # noqa: PLC0415 - see Cloud._made_session

    return Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=_CONNECTIONS,
        tcp_keepalive=True,
    )
