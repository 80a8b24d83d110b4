"""Finds AWS credentials: from the environment when they stand there, else by botocore's chain, refreshed by it."""

from __future__ import annotations

from collections.abc import Mapping

from functions.adapters.s3.signing import CredentialProvider, Credentials
from functions.engine.errors import CredentialsError


def find_credentials(environment: Mapping[str, str], profile: str | None = None) -> CredentialProvider:
    """Give a provider. botocore, which takes 0.1 s to import, is loaded only when the environment has no keys."""
    access, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if profile is None and not environment.get("AWS_PROFILE") and access and secret:
        fixed = Credentials(access, secret, environment.get("AWS_SESSION_TOKEN"))
        return lambda: fixed
    return _from_botocore(profile)


def _from_botocore(profile: str | None) -> CredentialProvider:
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - see find_credentials
    from botocore.session import Session  # noqa: PLC0415

    try:
        found = Session(profile=profile).get_credentials()
    except BotoCoreError as error:
        raise CredentialsError(f"no AWS credentials: {error}") from error
    if found is None:
        raise CredentialsError(
            "no AWS credentials were found",
            hint="set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )

    def provide() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token)

    return provide
