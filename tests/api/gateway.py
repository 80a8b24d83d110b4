"""An HTTP API of the embedded AWS before the real function, and callers who sign their requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests import PreparedRequest
from requests.auth import AuthBase

from functions.contract.api_paths import METHODS, STAGE, user_path
from sandbox.lambdas.names import ACCOUNT, REGION
from sandbox.lambdas.plane import DataPlane

ADMIN = Credentials("test", "test")
_TAG = "user"


class Signed(AuthBase):
    """Signs a request as a caller of the API must."""

    def __init__(self, credentials: Credentials) -> None:
        """Sign with these."""
        self._credentials = credentials

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the signature."""
        kept = {name: value for name, value in request.headers.items() if name.lower() == "content-type"}
        asked = AWSRequest(method=request.method, url=request.url, data=request.body, headers=kept)
        SigV4Auth(self._credentials, "execute-api", REGION).add_auth(asked)
        request.headers.update(dict(asked.headers))
        return request


class Gateway:
    """The API of a stack, made as components/api.py makes it."""

    def __init__(self, plane: DataPlane) -> None:
        """Make it; `url` is where the embedded AWS serves it."""
        self._endpoint = plane.endpoint
        client = self._client("apigatewayv2")
        self.id = client.create_api(Name=plane.names.of("api"), ProtocolType="HTTP")["ApiId"]
        integration = client.create_integration(
            ApiId=self.id,
            IntegrationType="AWS_PROXY",
            IntegrationMethod="POST",
            IntegrationUri=plane.names.function_arn("api"),
            PayloadFormatVersion="2.0",
        )
        target = f"integrations/{integration['IntegrationId']}"
        client.create_route(ApiId=self.id, RouteKey="$default", AuthorizationType="AWS_IAM", Target=target)
        client.create_stage(ApiId=self.id, StageName=STAGE, AutoDeploy=True)
        self.url = f"{plane.endpoint}/_aws/execute-api/{self.id}"

    def session_of(self, user: str, source: str) -> Credentials:
        """Give a session that carries a user's name, with the rights that a caller's policies come to for it.

        The embedded AWS fills in no variables of policies: it is done here as IAM does it.
        """
        iam, role = self._client("iam"), f"caller-{user}"
        principal = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=_document(principal))
        base = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{self.id}/{STAGE}"
        statement = {
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": [f"{base}/{method}/{user_path(user, source)}/*" for method in METHODS],
            "Condition": {"StringLike": {f"aws:PrincipalTag/{_TAG}": "?*"}},
        }
        iam.put_role_policy(RoleName=role, PolicyName="calls", PolicyDocument=_document(statement))
        given = self._client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}",
            RoleSessionName="session",
            Tags=[{"Key": _TAG, "Value": user}],
        )["Credentials"]
        return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def _client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        keys = {"aws_access_key_id": ADMIN.access_key, "aws_secret_access_key": ADMIN.secret_key}
        return boto3.client(service, region_name=REGION, endpoint_url=self._endpoint, **keys)  # type: ignore[call-overload]


def _document(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
