"""Where the API's resources lie. The rights of callers are made from this, and so are the routes.

HTTP APIs hand no session tags to a function (Amazon API Gateway Developer Guide, "Control access to HTTP APIs with IAM
authorization"), so who may see whom is decided by IAM, on the path. Everything of a user lies below his own path.
"""

from __future__ import annotations

from typing import Final

STAGE: Final = "$default"
"""Served from the root of the API's address."""
METHODS: Final = ("GET", "POST")
USERS: Final = "users"
SOURCES: Final = "sources"
ROOT_NAME: Final = "@root"
"""In the place of the user without a name, as in object keys."""


def user_path(user: str, source: str) -> str:
    """Give the path of what a user has in a source, without a slash at either end."""
    return f"{USERS}/{user}/{SOURCES}/{source}"
