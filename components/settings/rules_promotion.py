"""Rules about taking over the copy of a stack whose region is lost."""

from __future__ import annotations

from collections.abc import Iterator

from components.settings.problems import Problem
from components.settings.stack import Settings


def another_stack_takes_over(settings: Settings) -> Iterator[Problem]:
    """`promote.environment` and `replica.promotedAs` must differ from `environment`: roles have one name everywhere."""
    environment = settings.environment
    if settings.promote and settings.promote.environment == environment:
        must = f"must be the environment of the lost stack, and this stack must have another one than {environment}"
        yield Problem(("promote", "environment"), environment, must, f"{environment[:7]}-lost")
    if settings.replica and settings.replica.promoted_as == environment:
        must = f"must be the environment of another stack than this one, {environment}"
        yield Problem(("replica", "promotedAs"), environment, must, f"{environment[:7]}-west")


def key_is_the_copys(settings: Settings) -> Iterator[Problem]:
    """`promote.keyArn` must be a key of `region` and `accountId`: the copy is encrypted with a key beside it."""
    if settings.promote is None:
        return
    arn, wanted = settings.promote.key_arn, ["arn", settings.partition, "kms", settings.region, settings.account_id]
    if arn.split(":")[:5] != wanted:
        must = f"must be a key of {settings.region} and of the account {settings.account_id}, as the copy's is"
        yield Problem(("promote", "keyArn"), arn, must, ":".join([*wanted, *arn.split(":")[5:]]))


def classes_are_the_copys(settings: Settings) -> Iterator[Problem]:
    """With `promote`, `tier.storageClass` must be STANDARD: the lifecycle of the copy is that of the lost stack."""
    if settings.promote and settings.tier.storage_class != "STANDARD":
        must = "must be STANDARD with promote: the lifecycle of the copy belongs to the stack that made it"
        yield Problem(("tier", "storageClass"), settings.tier.storage_class, must, "STANDARD")
