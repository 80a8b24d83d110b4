"""The network has no way out, and an endpoint for everything that a function connects to."""

import pytest

from components.network import Network, NetworkArgs, subnet_blocks, zone_names
from components.rights_policy import endpoint_access
from functions.contract.rights import RIGHTS
from functions.engine.errors import ConfigurationError
from tests.components.deployment import KEY, REGION, deploy, policy, resources
from tests.program.kit import ACCOUNT, Program


@pytest.fixture(scope="module")
def network() -> Program:
    """A network in two zones."""
    known = resources()
    args = NetworkArgs(
        cidr="10.0.0.0/16",
        zones=zone_names(REGION, 2),
        region=REGION,
        account_id=ACCOUNT,
        access=endpoint_access(known),
        principals=tuple(known.role_pattern(function) for function in RIGHTS),
        key=KEY,
    )
    return deploy(lambda: Network("test", args))


def test_there_is_no_way_to_the_internet(network: Program) -> None:
    """No gateway, no route, no public address."""
    kinds = {item.type for item in network.resources}
    assert not [kind for kind in kinds if "Gateway" in kind or kind.endswith((":Route", ":Eip"))]
    (routes,) = network.of("aws:ec2/routeTable:RouteTable")
    assert "routes" not in routes.inputs
    assert not any(subnet.inputs["mapPublicIpOnLaunch"] for subnet in network.of("aws:ec2/subnet:Subnet"))


def test_every_service_that_a_function_connects_to_has_an_endpoint(network: Program) -> None:
    """S3 and DynamoDB by gateways in the only route table; the others in every zone, under their usual names."""
    endpoints = {item.inputs["serviceName"].rsplit(".", 1)[1]: item.inputs for item in network.of(_ENDPOINT)}
    assert set(endpoints) == {"dynamodb", "lambda", "s3", "sns", "sqs"}
    for service, given in endpoints.items():
        if service in {"s3", "dynamodb"}:
            assert (given["vpcEndpointType"], given["routeTableIds"]) == ("Gateway", ["test-routes-id"])
        else:
            assert (given["vpcEndpointType"], given["privateDnsEnabled"]) == ("Interface", True)
            assert given["subnetIds"] == ["test-eu-central-1a-id", "test-eu-central-1b-id"]
            assert given["securityGroupIds"] == ["test-functions-id"]


def test_endpoints_serve_the_functions_of_this_account_only(network: Program) -> None:
    """Stolen credentials of another account reach nothing from here, and ours reach nobody else's buckets."""
    for endpoint in network.of(_ENDPOINT):
        (statement,) = policy(endpoint)
        service = endpoint.inputs["serviceName"].rsplit(".", 1)[1]
        assert {action.partition(":")[0] for action in statement["Action"]} == {service}
        assert "*" not in {*statement["Action"], *statement["Resource"]}
        assert statement["Condition"]["StringEquals"] == {"aws:PrincipalAccount": ACCOUNT}
        patterns = statement["Condition"]["ArnLike"]["aws:PrincipalArn"]
        assert f"arn:aws:iam::{ACCOUNT}:role/test-restore-worker-*" in patterns
        assert len(patterns) == len(RIGHTS)


def test_functions_talk_https_to_endpoints_and_nothing_else(network: Program) -> None:
    """One group for both, which lets nothing in but itself; addresses are groups and AWS's own lists, never ranges."""
    rules = [*network.of(_INGRESS), *network.of(_EGRESS)]
    assert {(rule.inputs["ipProtocol"], rule.inputs["fromPort"], rule.inputs["toPort"]) for rule in rules} == {
        ("tcp", 443, 443)
    }
    assert not [rule for rule in rules if {"cidrIpv4", "cidrIpv6"} & rule.inputs.keys()]
    (ingress,) = network.of(_INGRESS)
    assert ingress.inputs["referencedSecurityGroupId"] == ingress.inputs["securityGroupId"]
    assert {rule.name for rule in network.of(_EGRESS)} == {"test-to-endpoints", "test-to-s3", "test-to-dynamodb"}
    (default,) = network.of("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert not {"ingress", "egress"} & default.inputs.keys()


def test_connections_are_logged_with_our_key(network: Program) -> None:
    """All of them, by a role that only this account's flow logs take on and that writes there only."""
    (flow,) = network.of("aws:ec2/flowLog:FlowLog")
    (group,) = network.of("aws:cloudwatch/logGroup:LogGroup")
    assert (flow.inputs["trafficType"], flow.inputs["vpcId"]) == ("ALL", "test-vpc-id")
    assert (group.inputs["kmsKeyId"], group.inputs["retentionInDays"]) == (KEY.arn, 30)
    assert group.inputs["name"] == "/aws/vpc/test-vpc-id", "the key's policy names /aws/"
    (role,) = network.of("aws:iam/role:Role")
    (trust,) = policy(role, "assumeRolePolicy")
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    (rights,) = policy(network.of("aws:iam/rolePolicy:RolePolicy")[0])
    assert "*" not in rights["Resource"]


def test_everything_belongs_to_the_component(network: Program) -> None:
    """So that a preview shows who made it."""
    component, *children = network.of("strongroom:index:Network"), *network.resources[1:]
    assert len(component) == 1
    assert {child.parent.rsplit("::", 1)[1] for child in children if child.type.startswith("aws:")} == {"test"}


@pytest.mark.parametrize(
    ("cidr", "count", "blocks"),
    [
        ("10.0.0.0/16", 2, ["10.0.0.0/24", "10.0.1.0/24"]),
        ("10.0.0.0/24", 1, ["10.0.0.0/24"]),
        ("10.0.0.0/24", 3, ["10.0.0.0/26", "10.0.0.64/26", "10.0.0.128/26"]),
        ("10.0.0.0/27", 2, ["10.0.0.0/28", "10.0.0.16/28"]),
    ],
)
def test_subnets_share_the_network(cidr: str, count: int, blocks: list[str]) -> None:
    """As large as a /24 where there is room."""
    assert subnet_blocks(cidr, count) == blocks


def test_a_network_that_is_too_small_is_refused() -> None:
    """AWS has no subnet below a /28."""
    with pytest.raises(ConfigurationError, match="too small for 2"):
        subnet_blocks("10.0.0.0/28", 2)


def test_zones_are_named_without_asking_aws() -> None:
    """Also where the alphabet has gaps."""
    assert zone_names("eu-central-1", 2) == ("eu-central-1a", "eu-central-1b")
    assert zone_names("ap-northeast-1", 2) == ("ap-northeast-1a", "ap-northeast-1c")


@pytest.mark.parametrize(("region", "count"), [("us-west-1", 3), ("eu-central-1", 0), ("eu-central-1", 4)])
def test_more_zones_than_are_known_are_refused(region: str, count: int) -> None:
    """A zone that does not exist fails in the middle of a deployment."""
    with pytest.raises(ConfigurationError, match="availability zones"):
        zone_names(region, count)


_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
