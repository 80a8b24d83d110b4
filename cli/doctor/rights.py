"""Asks IAM which commands the caller may use, by the policies of his own identity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from cli.doctor.facts import Identity, Simulated
from cli.doctor.reading import Reader
from cli.outputs import StackOutputs
from cli.rights import BUCKET, PEOPLE, PersonRight

_READ = (PersonRight(("s3:ListBucket",)), PersonRight(("s3:GetObject",), ("*",)))
_FOLLOW = PersonRight(("dynamodb:GetItem", "dynamodb:Query"), (), "the table of runs")

COMMANDS: Final[Mapping[str, tuple[PersonRight, ...]]] = {
    "backups, verify, restore": _READ,
    "run": (PersonRight(("lambda:InvokeFunction",), (), "the initiator"),),
    "run --wait": (PersonRight(("lambda:InvokeFunction",), (), "the initiator"), _FOLLOW),
    "resume": (PersonRight(("lambda:InvokeFunction",), (), "the remediator"),),
    "drill, round": (PersonRight(("lambda:InvokeFunction",), (), "the verifier"),),
    **PEOPLE,
}
"""By the commands that need them."""


def principal(arn: str) -> str | None:
    """Give the identity whose policies count: the role of a session. None for the account's root, who may all."""
    if arn.endswith(":root"):
        return None
    head, _, session = arn.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{session.partition('/')[0]}" if session else arn


def simulate(reader: Reader, who: Identity, said: StackOutputs) -> list[Simulated]:
    """Give what each command's user would be refused. Needs iam:SimulatePrincipalPolicy on himself.

    Policies of buckets and keys, and those of the organisation, are not looked at.
    """
    role = principal(who.arn)
    if role is None:
        return []
    distinct = dict.fromkeys(right for rights in COMMANDS.values() for right in rights)
    refused = {
        right: reader.refused(role, right.actions, arns)
        if (arns := [*_arns(right, said, who.arn.split(":")[1])])
        else []
        for right in distinct
    }
    return [
        Simulated(commands, sorted({action for right in rights for action in refused[right]}))
        for commands, rights in COMMANDS.items()
    ]


def _arns(right: PersonRight, said: StackOutputs, partition: str) -> Iterator[str]:
    """Give what a right is on, as far as the stack has it."""
    bucket = f"arn:{partition}:s3:::{said.repository}"
    for prefix in right.prefixes:
        yield bucket if prefix == BUCKET else f"{bucket}/{prefix.rstrip('*')}x"
    purpose = right.other.removeprefix("the table of ").removeprefix("the ").removesuffix(" table")
    if purpose in said.functions:
        yield said.functions[purpose]
    if purpose in said.tables:
        yield f"arn:{partition}:dynamodb:{said.region}:{said.account_id}:table/{said.tables[purpose]}"
