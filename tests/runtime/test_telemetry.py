"""Log lines and metrics: who said it, in which thread, and in which unit."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.contract.metric_names import Metric, MetricName
from functions.engine.errors import AccessError
from functions.runtime.telemetry import Telemetry
from tests.listening import Listening, Value

METRICS = [value for value in vars(Metric).values() if isinstance(value, MetricName)]


def test_a_line_is_json_with_service_stack_and_bound_fields() -> None:
    """Fields of an inner block go when it ends."""
    heard = Listening("prod")
    with heard.bound(run_id="r1"):
        with heard.bound(user="alice"):
            heard.info("backed up", files=3)
        heard.warning("slow")
    heard.info("bye")
    inner, outer, last = heard.lines()
    assert inner["service"].startswith("listening-")
    assert (inner["level"], inner["stack"], inner["message"]) == ("INFO", "prod", "backed up")
    assert (inner["run_id"], inner["user"], inner["files"]) == ("r1", "alice", 3)
    assert inner["timestamp"].endswith("+00:00")
    assert inner["location"].startswith("test_a_line_is_json")
    assert (outer["run_id"], outer.get("user")) == ("r1", None)
    assert "run_id" not in last


def test_an_inner_field_gives_way_to_the_outer_one() -> None:
    """When its block ends, not before."""
    heard = Listening()
    with heard.bound(user="outer"):
        with heard.bound(user="inner"):
            heard.info("one")
        heard.info("two")
    assert [line["user"] for line in heard.lines()] == ["inner", "outer"]


def test_users_in_threads_do_not_get_into_each_others_lines() -> None:
    """Eight users at once, each waiting for the others between its lines."""
    heard = Listening()
    together = threading.Barrier(8)

    def work(number: int) -> None:
        for job in range(20):
            with heard.bound(user=f"u{number}", job=job):
                together.wait()
                heard.info("work", mine=f"u{number}/{job}")
                heard.count(Metric.QUEUE_TO_DONE, job, source="s")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    lines = heard.lines("work")
    assert len(lines) == 160
    assert all(line["mine"] == f"{line['user']}/{line['job']}" for line in lines)
    heard.flush()
    assert heard.total(Metric.QUEUE_TO_DONE) == 8 * sum(range(20))


@pytest.mark.parametrize("name", ["name", "message", "args", "level", "exc_info", "service", "timestamp", "asctime"])
def test_no_name_of_a_field_breaks_a_line(name: str) -> None:
    """The standard library refuses some names, others would hide what the line is."""
    heard = Listening()
    # Unpacked from a dict: `message` is also the name of a parameter.
    with heard.bound(**{name: "mine"}):
        heard.info("hello")
    (line,) = heard.lines("hello")
    assert (line[f"{name}_"], line["level"]) == ("mine", "INFO")


def test_an_unforeseen_error_is_logged_with_its_stack_a_foreseen_one_without() -> None:
    """The errors of our own tree say all in one line."""
    heard = Listening()
    for error in (AccessError("no right"), ZeroDivisionError("oops")):
        try:
            raise error
        except (AccessError, ZeroDivisionError) as caught:
            heard.error("failed", reason=str(caught))
    foreseen, unforeseen = heard.lines("failed")
    assert "exception" not in foreseen
    assert "ZeroDivisionError: oops" in unforeseen["exception"]


def test_an_invocation_is_flushed_also_after_an_error() -> None:
    """And says how it ended, with the request's id."""
    heard = Listening()

    def fail() -> None:
        with heard.invocation("req-1"):
            heard.count(Metric.RUN_STARTED, 1, source="s")
            raise AccessError("no right")

    with pytest.raises(AccessError):
        fail()
    assert heard.total(Metric.RUN_STARTED) == 1
    (line,) = heard.lines("invocation failed")
    assert (line["request_id"], line["code"]) == ("req-1", "ACCESS_DENIED")


def test_metrics_are_flushed_once_with_unit_and_dimensions() -> None:
    """In CloudWatch's embedded metric format."""
    heard = Listening("prod")
    heard.count(Metric.BYTES_READ, 5, source="reports")
    heard.count(Metric.BYTES_READ, 7, source="reports")
    heard.count(Metric.REQUESTS, 0)
    assert not heard.values()
    heard.flush()
    heard.flush()
    reports = {"Stack": "prod", "Source": "reports"}
    assert heard.values() == [
        Value("BytesRead", 5, "Bytes", reports),
        Value("BytesRead", 7, "Bytes", reports),
        Value("Requests", 0, "Count", {"Stack": "prod"}),
    ]
    document = json.loads(heard.stream.getvalue().splitlines()[0])
    assert document["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Strongroom"
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Stack", "Source"]]
    assert isinstance(document["_aws"]["Timestamp"], int)


def test_a_value_with_a_code_stands_also_without_it() -> None:
    """So that one alarm hears all codes."""
    heard = Listening("prod")
    heard.count(Metric.ERRORS, 1, source="reports", code="ACCESS_DENIED")
    heard.flush()
    document = json.loads(heard.stream.getvalue())
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Stack", "Source"], ["Stack", "Source", "Code"]]
    assert (document["Source"], document["Code"]) == ("reports", "ACCESS_DENIED")


def test_no_document_has_more_values_than_cloudwatch_takes() -> None:
    """A hundred of one metric; the rest comes in further documents."""
    heard = Listening()
    for number in range(250):
        heard.count(Metric.QUEUE_TO_DONE, number, source="s")
    heard.count(Metric.FILES, 1, source="s")
    heard.flush()
    documents = [json.loads(line) for line in heard.stream.getvalue().splitlines()]
    assert [len(document["QueueToDone"]) for document in documents] == [100, 100, 50]
    assert heard.total(Metric.QUEUE_TO_DONE) == sum(range(250))
    assert heard.total(Metric.FILES) == 1


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_a_unit_that_cloudwatch_knows(metric: MetricName) -> None:
    """Alarms and dashboards take the unit from the same place."""
    assert metric.unit in {"Count", "Seconds", "Bytes", "None"}
    assert metric.isalnum()


def test_names_of_metrics_are_unique() -> None:
    """Two of one name would be added up."""
    assert len(set(METRICS)) == len(METRICS)


def test_a_level_keeps_lines_back() -> None:
    """What is below it is not written."""
    heard = Listening(level="WARNING")
    heard.info("quiet")
    heard.warning("loud")
    assert [line["message"] for line in heard.lines()] == ["loud"]


def test_without_a_stream_it_speaks_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Where Lambda listens."""
    telemetry = Telemetry("speaker", "test")
    telemetry.info("hello", user="Zoë")
    telemetry.count(Metric.FILES, 2, source="s")
    telemetry.flush()
    line, metric = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["message"], line["user"]) == ("hello", "Zoë")
    assert metric["Files"] == [2.0]
