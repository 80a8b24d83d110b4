"""Keys, roles and their rights."""

from __future__ import annotations

from sandbox.aws import Clients
from sandbox.resources.creator import Call, Creator, Made, Order

_KEY = Call(
    "kms.create_key",
    "{KeyMetadata[KeyId]}",
    {"arn": "{KeyMetadata[Arn]}", "keyId": "{KeyMetadata[KeyId]}"},
    unused=frozenset({"deletionWindowInDays", "enableKeyRotation"}),
)
_ROLE = Call(
    "iam.create_role",
    "{name}",
    {"arn": "{Role[Arn]}", "uniqueId": "{Role[RoleId]}", "name": "{name}"},
    renamed={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
)
_ROLE_POLICY = Call(
    "iam.put_role_policy",
    "{role}:{name}",
    {"name": "{name}"},
    renamed={"role": "RoleName", "name": "PolicyName", "policy": "PolicyDocument"},
)


def key(clients: Clients, order: Order) -> Made:
    """Make a key, rotated every year if it says so."""
    made = _KEY(clients, order)
    if order.inputs.get("enableKeyRotation"):
        clients.get("kms", order.region).enable_key_rotation(KeyId=made.id)
    return made


def role(clients: Clients, order: Order) -> Made:
    """Make a role, named by the provider if it has no name of its own."""
    return _ROLE(clients, order.having(name=order.physical()))


def role_policy(clients: Clients, order: Order) -> Made:
    """Give a role its rights, exactly as they stand."""
    return _ROLE_POLICY(clients, order.having(name=order.physical()))


CREATORS: dict[str, Creator] = {
    "aws:iam/role:Role": role,
    "aws:iam/rolePolicy:RolePolicy": role_policy,
    "aws:kms/alias:Alias": Call(
        "kms.create_alias",
        "{name}",
        {"arn": "arn:aws:kms:{region}:{account}:{name}"},
        renamed={"name": "AliasName"},
    ),
    "aws:kms/key:Key": key,
}
