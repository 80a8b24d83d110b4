"""Where Pulumi's configuration becomes settings."""

from __future__ import annotations

from pulumi import RunError
from pulumi.runtime.config import CONFIG, is_config_secret

from components.settings import Settings, load
from functions.engine.errors import ConfigurationError


def read_settings() -> Settings:
    """Read the stack's whole configuration: a key that nobody knows is a mistake, not something to overlook.

    RunError, which Pulumi shows without a stack trace, names all that is wrong, and no value that is a secret.
    """
    config = CONFIG.get()
    try:
        return load(config, [key for key in config if is_config_secret(key)])
    except ConfigurationError as error:
        raise RunError(str(error)) from error
