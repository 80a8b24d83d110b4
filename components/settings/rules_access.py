"""Rules about who else may do something: other accounts, and roles that may delete or tag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.settings.names import Names
from components.settings.problems import Problem
from components.settings.sources import MOST_SHARED
from components.settings.stack import Settings

_LISTS: Final = (("breakGlassRoles", "break-glass"), ("expirerRoles", "collector"))


def trusts_others(settings: Settings) -> Iterator[Problem]:
    """`access.trustedAccounts` must name other accounts than the stack's own, each once."""
    for number, account in enumerate(settings.access.trusted_accounts):
        if account == settings.account_id or account in settings.access.trusted_accounts[:number]:
            must = "must be another account than the stack's own, named once"
            yield Problem(("access", "trustedAccounts", number), account, must, "210987654321")


def shares_what_fits(settings: Settings) -> Iterator[Problem]:
    """With `access.trustedAccounts`, `sources` must be 25 at most: the restore role's policy holds no more."""
    if settings.access.trusted_accounts and len(settings.sources) > MOST_SHARED:
        must = f"must be {MOST_SHARED} sources at most when accounts are trusted: a policy holds no more"
        yield Problem(("sources",), f"{len(settings.sources)} sources", must, "a second stack for the others")


def roles_are_ours_to_name(settings: Settings) -> Iterator[Problem]:
    """`access.breakGlassRoles` and `access.expirerRoles` must be roles of `accountId`, none of the stack's own."""
    names = Names(settings)
    start = f"arn:{settings.partition}:iam::{settings.account_id}:role/"
    for key, example in _LISTS:
        for number, arn in enumerate(_roles(settings, key)):
            own = arn.rpartition("/")[2].startswith(f"{names.stack}-")
            if own or not arn.startswith(start):
                must = f"must be a role of the account {settings.account_id}, and none that this stack makes"
                yield Problem(("access", key, number), arn, must, f"{start}{example}")


def who_tags_does_not_delete(settings: Settings) -> Iterator[Problem]:
    """`access.expirerRoles` must not be in `access.breakGlassRoles` too: who tags by a program must not delete."""
    access = settings.access
    for number, arn in enumerate(access.expirer_roles):
        if arn in access.break_glass_roles:
            must = "must not be in access.breakGlassRoles too: who tags by a program must not delete"
            yield Problem(("access", "expirerRoles", number), arn, must, f"{arn}-2")


def _roles(settings: Settings, key: str) -> tuple[str, ...]:
    access = settings.access
    return access.break_glass_roles if key == "breakGlassRoles" else access.expirer_roles
