"""What watches the others: logs, alarms, dashboards, the trail and the budget."""

from __future__ import annotations

from typing import Any

from sandbox.aws import ACCOUNT, Clients
from sandbox.resources.creator import Call, Creator, Inputs, Made, Order

_LOG_GROUP = Call(
    "logs.create_log_group",
    "{name}",
    {"arn": "arn:aws:logs:{region}:{account}:log-group:{name}", "name": "{name}"},
    renamed={"name": "logGroupName"},
    unused=frozenset({"retentionInDays"}),
)
_TRAIL = Call(
    "cloudtrail.create_trail",
    "{TrailARN}",
    {"arn": "{TrailARN}"},
    renamed={"tags": "TagsList", "cloudWatchLogsGroupArn": "CloudWatchLogsLogGroupArn"},
    unused=frozenset({"advancedEventSelectors", "enableLogging"}),
)
_SELECTORS = Call("cloudtrail.put_event_selectors", renamed={"startsWiths": "StartsWith"})
_METRIC_FILTER = Call("logs.put_metric_filter", "{name}", renamed={"name": "filterName", "pattern": "filterPattern"})
_BUDGET = Call("budgets.create_budget", "{account}:{name}", renamed={"name": "BudgetName"}, inside="Budget")


def log_group(clients: Clients, order: Order) -> Made:
    """Make a log group that keeps its lines for so many days."""
    made = _LOG_GROUP(clients, order)
    if days := order.inputs.get("retentionInDays"):
        clients.get("logs", order.region).put_retention_policy(logGroupName=made.id, retentionInDays=int(days))
    return made


def metric_filter(clients: Clients, order: Order) -> Made:
    """Make a filter that counts lines of a log in one metric."""
    counted = order.inputs["metricTransformation"]
    metric = {f"metric{key.capitalize()}": counted[key] for key in ("name", "namespace", "value")}
    transformation = {**metric, **({"unit": counted["unit"]} if "unit" in counted else {})}
    return _METRIC_FILTER(clients, order.without("metricTransformation").having(metricTransformations=[transformation]))


def trail(clients: Clients, order: Order) -> Made:
    """Make a trail, say what it watches, and start it."""
    made = _TRAIL(clients, order)
    client, inputs = clients.get("cloudtrail", order.region), order.inputs
    if selectors := inputs.get("advancedEventSelectors"):
        wish = {"trailName": inputs["name"], "advancedEventSelectors": selectors}
        _SELECTORS(clients, Order(order.type, order.name, wish, order.region))
    if inputs.get("enableLogging", True):
        client.start_logging(Name=inputs["name"])
    return made


def budget(clients: Clients, order: Order) -> Made:
    """Make a budget, and say who is told."""
    inputs = order.inputs
    order.knows(*("budgetType", "costFilters", "limitAmount", "limitUnit", "name", "notifications", "tags", "timeUnit"))
    wish = {
        "accountId": ACCOUNT,
        **{name: inputs[name] for name in ("name", "budgetType", "timeUnit")},
        "budgetLimit": {"amount": inputs["limitAmount"], "unit": inputs["limitUnit"]},
        "costFilters": {item["name"]: item["values"] for item in inputs.get("costFilters") or ()},
        "notificationsWithSubscribers": [_told(item) for item in inputs.get("notifications") or ()],
        "resourceTags": inputs.get("tags"),
    }
    return _BUDGET(clients, Order(order.type, order.name, wish, order.region))


def _told(notification: Inputs) -> dict[str, Any]:
    topics = notification.get("subscriberSnsTopicArns") or ()
    emails = notification.get("subscriberEmailAddresses") or ()
    lists = ("subscriberSnsTopicArns", "subscriberEmailAddresses")
    return {
        "notification": {name: value for name, value in notification.items() if name not in lists},
        "subscribers": [
            *({"subscriptionType": "SNS", "address": address} for address in topics),
            *({"subscriptionType": "EMAIL", "address": address} for address in emails),
        ],
    }


CREATORS: dict[str, Creator] = {
    "aws:budgets/budget:Budget": budget,
    "aws:cloudtrail/trail:Trail": trail,
    "aws:cloudwatch/dashboard:Dashboard": Call(
        "cloudwatch.put_dashboard",
        "{dashboardName}",
        {"dashboardArn": "arn:aws:cloudwatch::{account}:dashboard/{dashboardName}"},
    ),
    "aws:cloudwatch/logGroup:LogGroup": log_group,
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": metric_filter,
    "aws:cloudwatch/metricAlarm:MetricAlarm": Call(
        "cloudwatch.put_metric_alarm",
        "{name}",
        {"arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"},
        renamed={"name": "AlarmName"},
    ),
}
