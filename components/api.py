"""The HTTP API: every request signed, let through by IAM, throttled and logged, and answered by one function."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.access import TAG
from components.policy import document
from components.refs import FunctionRef, KeyRef
from components.rights_policy import Statement
from components.service import Service
from components.settings import Names, Settings
from components.settings.api import Api as ApiLimits
from components.settings.sources import MOST_SHARED
from components.storage import Storage
from functions.contract.api_paths import METHODS, STAGE, user_path
from functions.contract.rights import ALIAS
from functions.engine.errors import ConfigurationError

LOG_GROUPS: Final = "/aws/apigateway/"
"""What the log group's name begins with; the key's policy must let CloudWatch Logs use the key for it."""
INVOKE: Final = "execute-api:Invoke"
_USER: Final = f"${{aws:PrincipalTag/{TAG}}}"
_TIMEOUT_MS: Final = 30_000
"""The longest that an HTTP API waits (Amazon API Gateway Developer Guide, "Quotas for HTTP APIs")."""
_LOGGED: Final[Mapping[str, str]] = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "caller": "$context.identity.userArn",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "error": "$context.error.message",
    "latency": "$context.responseLatency",
    "integrationError": "$context.integrationErrorMessage",
}
"""Of every request, refused ones too (Amazon API Gateway Developer Guide, "Customize HTTP API access logs")."""


@dataclass(frozen=True)
class ApiArgs:
    """What answers, who may ask, and how much."""

    name: str
    """Of the API; what belongs to it is called alike."""
    function: FunctionRef
    key: KeyRef
    limits: ApiLimits
    account_id: str
    region: str
    sources: Sequence[str]
    """Names of the sources that users are served from."""
    restore_role: Input[str] | None = None
    """Name of the role of trusted accounts, if there is one: its sessions may call for the user that they carry."""
    log_days: int = 30
    partition: str = "aws"

    def __post_init__(self) -> None:
        """Refuse more sources than a policy can name."""
        if not self.sources or len(self.sources) > MOST_SHARED:
            raise ConfigurationError(
                f"an API for {len(self.sources)} sources: from 1 to {MOST_SHARED} fit into the policies of its callers",
                hint="set api.enabled to false, or have fewer sources in one stack",
            )


class Api(ComponentResource):
    """The API. `id` is AWS's, `url` where it is called, `operators_policy_arn` what lets a role call all of it."""

    id: Output[str]
    url: Output[str]
    operators_policy_arn: Output[str]
    callers_policy_arns: dict[str, Output[str]]
    """By method: together they let a role whose sessions carry the tag call for that user."""

    def __init__(self, name: str, args: ApiArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Api", name, None, opts)
        self._name, self._args = name, args
        self._api = aws.apigatewayv2.Api(
            name,
            name=args.name,
            description="Runs, backups, files and restores: docs/openapi.json",
            protocol_type="HTTP",
            opts=self._mine,
        )
        self._route()
        self._stage()
        self.id, self.url = self._api.id, self._api.api_endpoint
        base = Output.concat(self._arn, f"/{STAGE}")
        self.operators_policy_arn = self._policy(
            "operators", "Calls every path of the API", operator_statement(base)
        ).arn
        self.callers_policy_arns = {method: self._callers(method, base) for method in METHODS}
        self.register_outputs({"url": self.url})

    @cached_property
    def _mine(self) -> ResourceOptions:
        return ResourceOptions(parent=self)

    @cached_property
    def _arn(self) -> Output[str]:
        args = self._args
        return Output.concat(f"arn:{args.partition}:execute-api:{args.region}:{args.account_id}:", self._api.id)

    def _route(self) -> None:
        """Let every path come to the function, and none without a signature that IAM lets through."""
        args = self._args
        integration = aws.apigatewayv2.Integration(
            f"{self._name}-function",
            api_id=self._api.id,
            integration_type="AWS_PROXY",
            integration_method="POST",
            integration_uri=args.function.arn,
            payload_format_version="2.0",
            timeout_milliseconds=_TIMEOUT_MS,
            opts=self._mine,
        )
        aws.apigatewayv2.Route(
            f"{self._name}-everything",
            api_id=self._api.id,
            route_key="$default",
            authorization_type="AWS_IAM",
            target=Output.concat("integrations/", integration.id),
            opts=self._mine,
        )
        aws.lambda_.Permission(
            f"{self._name}-invokes",
            action="lambda:InvokeFunction",
            # The name, when the alias is there.
            function=Output.all(args.function.name, args.function.arn).apply(lambda both: str(both[0])),
            qualifier=ALIAS,
            principal="apigateway.amazonaws.com",
            source_account=args.account_id,
            source_arn=Output.concat(self._arn, "/*"),
            opts=self._mine,
        )

    def _stage(self) -> None:
        args = self._args
        logs = aws.cloudwatch.LogGroup(
            f"{self._name}-access",
            name=f"{LOG_GROUPS}{args.name}",
            retention_in_days=args.log_days,
            kms_key_id=args.key.arn,
            opts=self._mine,
        )
        aws.apigatewayv2.Stage(
            f"{self._name}-stage",
            api_id=self._api.id,
            name=STAGE,
            auto_deploy=True,
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=logs.arn, format=json.dumps(_LOGGED)
            ),
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                throttling_rate_limit=args.limits.rate_per_second,
                throttling_burst_limit=args.limits.burst,
                detailed_metrics_enabled=False,
            ),
            opts=self._mine,
        )

    def _callers(self, method: str, base: Output[str]) -> Output[str]:
        """Make the policy of users for one method: one for both would have no room for all sources."""
        kind, statement = f"callers-{method.lower()}", caller_statement(base, method, self._args.sources)
        made = self._policy(kind, f"Calls the API with {method}, for the session's user", statement)
        role = self._args.restore_role
        if role is not None:
            aws.iam.RolePolicyAttachment(f"{self._name}-{kind}", role=role, policy_arn=made.arn, opts=self._mine)
        return made.arn

    def _policy(self, kind: str, says: str, statement: Statement) -> aws.iam.Policy:
        return aws.iam.Policy(
            f"{self._name}-{kind}",
            name=f"{self._args.name}-{kind}",
            description=says,
            policy=document([statement]),
            opts=self._mine,
        )


def api_args(settings: Settings, names: Names, storage: Storage, service: Service) -> ApiArgs:
    """Say what a stack's API is made of."""
    return ApiArgs(
        name=names.of("api"),
        function=service.functions["api"],
        key=storage.key,
        limits=settings.api,
        account_id=settings.account_id,
        region=settings.region,
        sources=[source.name for source in settings.sources],
        restore_role=storage.restore_role,
        log_days=settings.workers.log_days,
        partition=settings.partition,
    )


def operator_statement(base: Input[str]) -> Statement:
    """Let a role call every path; `base` is the ARN of the API's stage."""
    return {"Sid": "Everything", "Effect": "Allow", "Action": INVOKE, "Resource": Output.concat(base, "/*")}


def caller_statement(base: Input[str], method: str, sources: Sequence[str]) -> Statement:
    """Let a session call for the user that its tag names, and without a tag for nobody.

    Nothing but the end is left open: a `*` before the path would match slashes too, and so other users' paths.
    """
    paths = [Output.concat(base, f"/{method}/{user_path(_USER, source)}/*") for source in sources]
    return {
        "Sid": f"Own{method.title()}",
        "Effect": "Allow",
        "Action": INVOKE,
        "Resource": paths,
        "Condition": {"StringLike": {f"aws:PrincipalTag/{TAG}": "?*"}},
    }
