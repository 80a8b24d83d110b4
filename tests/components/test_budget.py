"""The month's cost is told before and when it passes its limit."""

from __future__ import annotations

import pytest

from components.budget import Budget, BudgetArgs
from functions.engine.errors import ConfigurationError
from tests.components.watched import TOPIC, registered


def made(args: BudgetArgs) -> dict[str, object]:
    """Give the inputs of the budget that the component registers."""
    (found,) = [item for item in registered(lambda: Budget("budget", args)) if item.type == "aws:budgets/budget:Budget"]
    return found.inputs


def test_a_budget_warns_early_late_and_by_forecast() -> None:
    """At 80 %, at 100 %, and when 100 % is foreseen; the topic and the mail address both hear of it."""
    budget = made(BudgetArgs("strongroom-test-monthly", 500, ("Environment", "test"), TOPIC, "ops@example.com"))
    notifications = budget["notifications"]
    assert isinstance(notifications, list)
    assert [(item["notificationType"], item["threshold"]) for item in notifications] == [
        ("ACTUAL", 80),
        ("ACTUAL", 100),
        ("FORECASTED", 100),
    ]
    for item in notifications:
        assert item["subscriberSnsTopicArns"] == [TOPIC.arn]
        assert item["subscriberEmailAddresses"] == ["ops@example.com"]


def test_a_budget_counts_in_dollars_what_carries_the_tag() -> None:
    """The limit is text with cents, as the service gives it back: a number would differ at each preview."""
    budget = made(BudgetArgs("b", 499.5, ("Environment", "test"), TOPIC))
    assert (budget["limitAmount"], budget["limitUnit"], budget["timeUnit"]) == ("499.50", "USD", "MONTHLY")
    assert budget["costFilters"] == [{"name": "TagKeyValue", "values": ["user:Environment$test"]}]


def test_a_budget_that_tells_nobody_is_refused() -> None:
    """It would be silent for ever."""
    with pytest.raises(ConfigurationError, match="somebody to tell"):
        made(BudgetArgs("b", 1, ("Environment", "test"), None))
