"""HTTP APIs, and the managed policies of those who call them."""

from __future__ import annotations

from sandbox.resources.creator import Call, Creator

CREATORS: dict[str, Creator] = {
    "aws:apigatewayv2/api:Api": Call(
        "apigatewayv2.create_api",
        "{ApiId}",
        {"apiEndpoint": "{ApiEndpoint}", "arn": "arn:aws:apigateway:{region}::/apis/{ApiId}"},
    ),
    "aws:apigatewayv2/integration:Integration": Call(
        "apigatewayv2.create_integration", "{IntegrationId}", renamed={"timeoutMilliseconds": "TimeoutInMillis"}
    ),
    "aws:apigatewayv2/route:Route": Call("apigatewayv2.create_route", "{RouteId}"),
    "aws:apigatewayv2/stage:Stage": Call("apigatewayv2.create_stage", "{StageName}", renamed={"name": "StageName"}),
    "aws:iam/policy:Policy": Call(
        "iam.create_policy",
        "{Policy[Arn]}",
        {"arn": "{Policy[Arn]}"},
        renamed={"name": "PolicyName", "policy": "PolicyDocument"},
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Call(
        "iam.attach_role_policy", "{role}-{policyArn}", renamed={"role": "RoleName"}
    ),
}
