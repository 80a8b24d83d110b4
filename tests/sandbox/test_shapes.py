"""How what a program says becomes the parameters of a call."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.aws import Clients
from sandbox.errors import RefusedError
from sandbox.resources.creator import Call, Order, _input_of, _put, _shape_at
from sandbox.resources.shapes import fit, text


def shape(service: str, operation: str) -> Any:  # noqa: ANN401 - botocore's own type
    """Give the parameters of a call."""
    return _input_of(Clients("http://127.0.0.1:9").get(service, "us-east-1"), operation)


def test_names_are_compared_without_case_and_numbers_become_what_they_must_be() -> None:
    """Pulumi hands over floats and camel case."""
    given = {"alarmName": "a", "okActions": ["x"], "period": 60.0, "threshold": 1, "dimensions": {"Stack": "s"}}
    assert fit(given, shape("cloudwatch", "put_metric_alarm"), {}) == {
        "AlarmName": "a",
        "OKActions": ["x"],
        "Period": 60,
        "Threshold": 1.0,
        "Dimensions": [{"Name": "Stack", "Value": "s"}],
    }


@pytest.mark.parametrize(
    ("service", "operation", "tags"),
    [
        ("sqs", "create_queue", {"a": "b"}),
        ("kms", "create_key", [{"TagKey": "a", "TagValue": "b"}]),
        ("iam", "create_role", [{"Key": "a", "Value": "b"}]),
        ("lambda", "create_function", {"a": "b"}),
    ],
)
def test_tags_take_the_form_of_each_service(service: str, operation: str, tags: object) -> None:
    """There are four of them."""
    fitted = fit({"tags": {"a": "b"}}, shape(service, operation), {})
    assert list(fitted.values()) == [tags]


def test_what_has_no_parameter_is_refused() -> None:
    """Anything else would be lost silently."""
    with pytest.raises(RefusedError, match="no parameter for colour"):
        fit(
            {"rules": [{"colour": "red"}]},
            shape("s3", "put_bucket_encryption").members["ServerSideEncryptionConfiguration"],
            {},
        )
    with pytest.raises(RefusedError, match="is no whole number"):
        fit({"period": 1.5}, shape("cloudwatch", "put_metric_alarm"), {})
    with pytest.raises(RefusedError, match="mapping does not fit"):
        fit({"okActions": {"a": "b"}}, shape("cloudwatch", "put_metric_alarm"), {})


def test_a_call_refuses_an_input_that_it_does_not_know() -> None:
    """Before anything is sent."""
    order = Order("aws:s3/bucketPolicy:BucketPolicy", "one", {"bucket": "b", "colour": "red"}, "us-east-1")
    with pytest.raises(RefusedError, match=r"s3\.put_bucket_policy has no parameter for colour"):
        Call("s3.put_bucket_policy", "{bucket}")(Clients("http://127.0.0.1:9"), order)


def test_paths_lead_into_structures_and_lists() -> None:
    """`A.B` and `A[].B`."""
    parameters: dict[str, Any] = {}
    for path, value in (("A.B", 1), ("A.C", 2), ("L[].X", 3), ("L[].Y", 4), ("M[]", 5)):
        _put(parameters, path, value)
    assert parameters == {"A": {"B": 1, "C": 2}, "L": [{"X": 3, "Y": 4}], "M": [5]}
    assert _shape_at(shape("events", "put_targets"), "Targets[].Arn").type_name == "string"


@pytest.mark.parametrize(("value", "written"), [(60.0, "60"), (1.5, "1.5"), (True, "true"), ("x", "x"), (7, "7")])
def test_values_are_written_as_aws_writes_them(value: object, written: str) -> None:
    """For attributes, which are texts."""
    assert text(value) == written


def test_what_has_no_name_gets_the_same_one_each_time() -> None:
    """As the provider does it: its name in the program and a few characters."""
    order = Order("aws:iam/role:Role", "worker", {}, "us-east-1")
    assert order.physical() == order.physical()
    assert order.physical().startswith("worker-")
    assert Order("aws:iam/role:Role", "worker", {"name": "own"}, "us-east-1").physical() == "own"
