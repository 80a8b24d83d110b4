"""Which creator makes which type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox.resources import apis, functions, keys_and_roles, messages, s3, schedules, tables, watching
from sandbox.resources.creator import Creator

CREATORS: Final[Mapping[str, Creator]] = {
    **apis.CREATORS,
    **functions.CREATORS,
    **keys_and_roles.CREATORS,
    **messages.CREATORS,
    **s3.CREATORS,
    **schedules.CREATORS,
    **tables.CREATORS,
    **watching.CREATORS,
}
