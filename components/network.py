"""A network without a way out: functions reach AWS by endpoints, each open to them and to what they do only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network
from typing import Final

import pulumi_aws as aws
from pulumi import ComponentResource, Input, Output, ResourceOptions

from components.policy import document, trust
from components.refs import KeyRef, NetworkRef
from components.rights_policy import Access, Statement, allow
from components.settings.regions import zones_of
from functions.engine.errors import ConfigurationError

GATEWAYS: Final = frozenset({"s3", "dynamodb"})
"""Services with an endpoint that costs nothing (Amazon VPC User Guide, "Gateway endpoints")."""
LOG_GROUPS: Final = "/aws/vpc/"
"""What the log group's name begins with; the key's policy must let CloudWatch Logs use the key for it."""
_HTTPS = 443
_SMALLEST_SUBNET = 28
"""Prefix length (Amazon VPC User Guide, "Subnet CIDR blocks")."""
_SUBNET = 24


def zone_names(region: str, count: int) -> tuple[str, ...]:
    """Name `count` availability zones of a region without asking AWS, so that a preview needs no account.

    ConfigurationError when so many are not known.
    """
    known = zones_of(region)
    if not 0 < count <= len(known):
        raise ConfigurationError(f"{count} availability zones in {region}: from 1 to {len(known)} are known")
    return known[:count]


def subnet_blocks(cidr: str, count: int) -> list[str]:
    """Cut a network into `count` subnets: of 256 addresses, or of as many as there are.

    ConfigurationError when they would be smaller than AWS allows.
    """
    network = IPv4Network(cidr)
    prefix = max(_SUBNET, network.prefixlen + (count - 1).bit_length())
    if prefix > _SMALLEST_SUBNET:
        raise ConfigurationError(f"{cidr} is too small for {count} subnets of a /{_SMALLEST_SUBNET} at least")
    blocks = network.subnets(new_prefix=prefix)
    return [str(next(blocks)) for _ in range(count)]


@dataclass(frozen=True)
class NetworkArgs:
    """A network. `access` says which services need an endpoint; see `components.rights_policy.endpoint_access`."""

    cidr: str
    zones: tuple[str, ...]
    """Names of availability zones; one subnet in each."""
    region: str
    account_id: str
    access: Mapping[str, Access]
    principals: tuple[str, ...]
    """Patterns of the ARNs of the roles that may use the endpoints."""
    key: KeyRef
    log_days: int = 30
    partition: str = "aws"


class Network(ComponentResource):
    """A VPC with private subnets, endpoints, one security group and a log of every connection."""

    ref: NetworkRef

    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("strongroom:index:Network", name, None, opts)
        self._name, self._args = name, args
        self._vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": name},
            opts=self._mine,
        )
        # What comes with every VPC must not be of use to anybody.
        aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=self._vpc.id, opts=self._mine)
        routes = aws.ec2.RouteTable(f"{name}-routes", vpc_id=self._vpc.id, tags={"Name": name}, opts=self._mine)
        subnets = self._subnets(routes)
        group = self._security_group()
        self._endpoints(routes, subnets, group)
        self._flow_log()
        self.ref = NetworkRef(Output.all(*(subnet.id for subnet in subnets)), Output.all(group.id))
        self.register_outputs({"vpc_id": self._vpc.id})

    @cached_property
    def _mine(self) -> ResourceOptions:
        return ResourceOptions(parent=self)

    def _subnets(self, routes: aws.ec2.RouteTable) -> list[aws.ec2.Subnet]:
        subnets = []
        for zone, block in zip(self._args.zones, subnet_blocks(self._args.cidr, len(self._args.zones)), strict=True):
            name = f"{self._name}-{zone}"
            subnet = aws.ec2.Subnet(
                name,
                vpc_id=self._vpc.id,
                cidr_block=block,
                availability_zone=zone,
                map_public_ip_on_launch=False,
                tags={"Name": name},
                opts=self._mine,
            )
            aws.ec2.RouteTableAssociation(name, route_table_id=routes.id, subnet_id=subnet.id, opts=self._mine)
            subnets.append(subnet)
        return subnets

    def _security_group(self) -> aws.ec2.SecurityGroup:
        group = aws.ec2.SecurityGroup(
            f"{self._name}-functions",
            description="Functions and the endpoints that they use",
            vpc_id=self._vpc.id,
            tags={"Name": self._name},
            opts=self._mine,
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-from-functions",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            description="Endpoints are used by functions",
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            opts=self._mine,
        )
        self._egress("endpoints", group, group_id=group.id)
        return group

    def _egress(
        self,
        target: str,
        group: aws.ec2.SecurityGroup,
        *,
        group_id: Input[str] | None = None,
        prefix_list_id: Input[str] | None = None,
    ) -> None:
        aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-to-{target}",
            security_group_id=group.id,
            referenced_security_group_id=group_id,
            prefix_list_id=prefix_list_id,
            description=f"Functions use {target}",
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            opts=self._mine,
        )

    def _endpoints(
        self, routes: aws.ec2.RouteTable, subnets: list[aws.ec2.Subnet], group: aws.ec2.SecurityGroup
    ) -> None:
        for service, access in self._args.access.items():
            name = f"{self._name}-{service}"
            gateway = service in GATEWAYS
            endpoint = aws.ec2.VpcEndpoint(
                name,
                vpc_id=self._vpc.id,
                service_name=f"com.amazonaws.{self._args.region}.{service}",
                vpc_endpoint_type="Gateway" if gateway else "Interface",
                route_table_ids=[routes.id] if gateway else None,
                subnet_ids=None if gateway else [subnet.id for subnet in subnets],
                security_group_ids=None if gateway else [group.id],
                private_dns_enabled=None if gateway else True,
                policy=document([endpoint_statement(self._args, access)]),
                tags={"Name": name},
                opts=self._mine,
            )
            if gateway:
                self._egress(service, group, prefix_list_id=endpoint.prefix_list_id)

    def _flow_log(self) -> None:
        name, args = f"{self._name}-flow", self._args
        group = aws.cloudwatch.LogGroup(
            name,
            name=Output.concat(LOG_GROUPS, self._vpc.id),
            retention_in_days=args.log_days,
            kms_key_id=args.key.arn,
            opts=self._mine,
        )
        logs = f"arn:{args.partition}:ec2:{args.region}:{args.account_id}:vpc-flow-log/*"
        from_here = {
            "StringEquals": {"aws:SourceAccount": args.account_id},
            "ArnLike": {"aws:SourceArn": logs},
        }
        role = aws.iam.Role(
            name,
            description="Writes the log of connections",
            assume_role_policy=trust("vpc-flow-logs.amazonaws.com", from_here),
            opts=self._mine,
        )
        write = ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams")
        rights = allow("FlowLog", write, [group.arn, Output.concat(group.arn, ":*")])
        policy = aws.iam.RolePolicy(
            name,
            role=role.id,
            policy=document([rights]),
            opts=self._mine,
        )
        aws.ec2.FlowLog(
            name,
            vpc_id=self._vpc.id,
            traffic_type="ALL",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )


def endpoint_statement(args: NetworkArgs, access: Access) -> Statement:
    """Give the statement of an endpoint's policy: the functions' roles, what they do, and what with.

    A gateway endpoint takes no principal but everybody; conditions say who (Amazon VPC User Guide, "Control access to
    VPC endpoints using endpoint policies"). No bucket or queue names this network in its own policy: S3 replicates and
    delivers logs without it.
    """
    return {
        **allow("Functions", access.actions, access.resources),
        "Principal": "*",
        "Condition": {
            "StringEquals": {"aws:PrincipalAccount": args.account_id},
            "ArnLike": {"aws:PrincipalArn": list(args.principals)},
        },
    }
