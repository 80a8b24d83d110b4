"""What Pulumi knows of a stack's configuration becomes settings, and nothing secret is shown."""

from contextvars import copy_context

import pytest
from pulumi import RunError
from pulumi.runtime.config import set_all_config

from components.configuration import read_settings
from components.settings import Settings

CONFIG = {
    "strongroom:environment": "dev",
    "strongroom:accountId": "123456789012",
    "strongroom:sources": '[{"name": "reports", "bucket": "acme-reports"}]',
    "aws:region": "us-east-1",
}


def _read(config: dict[str, str], *secrets: str) -> Settings:
    """Read the settings where Pulumi has this configuration, and nobody else has it afterwards."""

    def read() -> Settings:
        set_all_config(config, list(secrets))
        return read_settings()

    return copy_context().run(read)


def test_settings_are_those_of_the_stack() -> None:
    """By full keys, objects as JSON; a secret is a value like any other."""
    settings = _read(CONFIG, "strongroom:accountId")
    assert (settings.environment, settings.account_id) == ("dev", "123456789012")


def test_a_secret_that_is_wrong_is_not_shown() -> None:
    """Neither on its own nor inside an object, of which Pulumi makes a secret as a whole."""
    wrong = {
        "strongroom:accountId": "hunter2-account",
        "strongroom:notifications": '{"email": "hunter2-email"}',
        "strongroom:retention": '{"days": 0}',
    }
    with pytest.raises(RunError) as caught:
        _read(CONFIG | wrong, "strongroom:accountId", "strongroom:notifications")
    said = str(caught.value)
    assert "hunter2" not in said
    assert "strongroom:accountId is ***: must be 12 digits" in said
    assert "strongroom:notifications.email is ***: must be an e-mail address" in said
    assert "strongroom:retention.days is 0: must be" in said, "what is no secret is shown"
