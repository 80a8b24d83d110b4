"""The API's infrastructure: every path signed, throttled and logged; users held to their own paths by IAM."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from components.api import Api, ApiArgs
from components.settings.api import Api as Limits
from components.settings.sources import MOST_SHARED
from functions.engine.errors import ConfigurationError
from tests.components.deployment import KEY, REGION, deploy, function_ref, policy
from tests.components.policies import Answer, Request, decide
from tests.program.kit import ACCOUNT, Program


def _args(**changes: Any) -> ApiArgs:  # noqa: ANN401 - fields of any type
    given: dict[str, Any] = {
        "name": "test-api",
        "function": function_ref("api"),
        "key": KEY,
        "limits": Limits(rate_per_second=7, burst=3),
        "account_id": ACCOUNT,
        "region": REGION,
        "sources": ["reports", "mail"],
        "restore_role": "test-restore",
    }
    return ApiArgs(**{**given, **changes})


@cache
def _program() -> Program:
    return deploy(lambda: Api("api", _args()))


def _only(kind: str) -> dict[str, Any]:
    (found,) = _program().of(kind)
    inputs: dict[str, Any] = found.inputs
    return inputs


def _policies() -> dict[str, list[dict[str, Any]]]:
    return {item.inputs["name"]: policy(item) for item in _program().of("aws:iam/policy:Policy")}


def _base() -> str:
    (statement,) = _policies()["test-api-operators"]
    return str(statement["Resource"]).removesuffix("/*")


def _ask(path: str, method: str = "GET", **tags: str) -> Answer:
    """Ask IAM whether a session of the restore role may call, with all that the role has."""
    policies = _policies()
    statements = [*policies["test-api-callers-get"], *policies["test-api-callers-post"]]
    keys = {f"aws:PrincipalTag/{name}": value for name, value in tags.items()}
    return decide(statements, Request("execute-api:Invoke", f"{_base()}/{method}{path}", context=keys))


def test_every_path_is_signed_and_comes_to_the_function() -> None:
    """One route takes all of them, in the format that the function reads, by its alias."""
    route = _only("aws:apigatewayv2/route:Route")
    assert (route["routeKey"], route["authorizationType"]) == ("$default", "AWS_IAM")
    integration = _only("aws:apigatewayv2/integration:Integration")
    assert integration["integrationUri"] == function_ref("api").arn
    assert (integration["integrationType"], integration["payloadFormatVersion"]) == ("AWS_PROXY", "2.0")
    permission = _only("aws:lambda/permission:Permission")
    assert (permission["principal"], permission["qualifier"]) == ("apigateway.amazonaws.com", "live")
    assert permission["sourceArn"] == _base().removesuffix("/$default") + "/*"
    assert permission["sourceAccount"] == ACCOUNT


def test_requests_are_throttled_and_logged_with_our_key() -> None:
    """Refused ones too, each with who asked for what."""
    stage, group = _only("aws:apigatewayv2/stage:Stage"), _only("aws:cloudwatch/logGroup:LogGroup")
    settings = stage["defaultRouteSettings"]
    assert (stage["name"], stage["autoDeploy"]) == ("$default", True)
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (7, 3)
    assert {"caller", "path", "status", "requestId"} <= set(json.loads(stage["accessLogSettings"]["format"]))
    assert (group["name"], group["retentionInDays"]) == ("/aws/apigateway/test-api", 30)
    assert group["kmsKeyId"] == KEY.arn


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_session_calls_for_the_user_that_it_carries(method: str) -> None:
    """In every source of the stack."""
    assert _ask("/users/alice/sources/reports/backups", method, user="alice") == "allowed"
    assert _ask("/users/alice/sources/mail/restores/x", method, user="alice") == "allowed"


@pytest.mark.parametrize(
    ("path", "tags"),
    [
        ("/users/bob/sources/reports/backups", {"user": "alice"}),
        ("/users/alice2/sources/reports/backups", {"user": "alice"}),
        ("/users/Alice/sources/reports/backups", {"user": "alice"}),
        ("/users/alice/sources/other/backups", {"user": "alice"}),
        ("//users/alice/sources/reports/backups", {"user": "alice"}),
        ("/users/bob/sources/users/alice/sources/reports/backups", {"user": "alice"}),
        ("/users/bob/users/alice/sources/reports/backups", {"user": "alice"}),
        ("/runs", {"user": "alice"}),
        ("/users//sources/reports/backups", {}),
        ("/users//sources/reports/backups", {"user": ""}),
        ("/users/alice/sources/reports/backups", {}),
        ("/users/alice/sources/reports/backups", {"name": "alice"}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_else_s_paths_are_open_to_it(path: str, tags: dict[str, str], method: str) -> None:
    """Whatever the path holds, and without a tag nothing is."""
    assert _ask(path, method, **tags) != "allowed"


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "GET/users/alice"])
def test_no_other_method_is_open(method: str) -> None:
    """Not even as a part of a path."""
    assert _ask("/users/alice/sources/reports/backups", method, user="alice") != "allowed"


def test_the_restore_role_has_both_policies_and_nobody_has_the_operators_one() -> None:
    """Whom it is for is for the account's administrators to say."""
    attached = _program().of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert [item.inputs["role"] for item in attached] == ["test-restore"] * 2
    without = deploy(lambda: Api("api", _args(restore_role=None)))
    assert without.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment") == []
    assert len(without.of("aws:iam/policy:Policy")) == 3


def test_as_many_sources_as_may_be_shared_fit_into_the_policies() -> None:
    """A managed policy has 6,144 characters at most; names as long as they may be."""
    sources = [f"{number:02}".ljust(40, "x") for number in range(MOST_SHARED)]
    made = deploy(lambda: Api("api", _args(sources=sources)))
    for item in made.of("aws:iam/policy:Policy"):
        assert len("".join(item.inputs["policy"].split())) <= 6_144
    for wrong in ([], [*sources, "one more"]):
        with pytest.raises(ConfigurationError, match="sources"):
            _args(sources=wrong)
