"""What is written into an environment is what the function reads out of it."""

from dataclasses import replace
from typing import Any

import pytest
from pulumi import Output

from components.environments import variables
from components.refs import TableRef
from functions.contract.environment import ENVIRONMENTS, SourceSetting
from functions.engine.errors import ConfigurationError
from functions.runtime.environment import read_environment
from tests.components.deployment import REGION, deploy, resources

VALUES: dict[str, object] = {
    "log_level": "DEBUG",
    "retention_days": 35,
    "catalog_days": 40,
    "run_window_minutes": 120,
    "rpo_hours": 12,
    "restore_concurrency": 7,
    "sample_percent": 2.5,
    "drills_a_day": 3,
    "drills_kept_days": 30,
}


def _read(function: str, **changes: Any) -> Any:  # noqa: ANN401 - one of six classes
    written = variables(function, resources(**changes), "strongroom-test", VALUES)
    assert not [name for name in written if name.startswith("AWS_")], "reserved"
    texts = {name: text for name, text in written.items() if isinstance(text, str)}
    assert texts.keys() == written.keys()
    name = resources().functions[function]
    return read_environment(ENVIRONMENTS[function], {**texts, "AWS_REGION": REGION, "AWS_LAMBDA_FUNCTION_NAME": name})


@pytest.mark.parametrize("function", ENVIRONMENTS)
def test_a_function_reads_what_was_written(function: str) -> None:
    """Every field: names, addresses, lists, numbers."""
    known = resources()
    read = _read(function)
    assert (read.stack, read.topic_arn, read.log_level) == ("strongroom-test", known.topic.arn, "DEBUG")
    for name in type(read).__dataclass_fields__:
        value = getattr(read, name)
        if name in VALUES:
            assert value == VALUES[name]
        elif name.endswith("_table"):
            assert value == known.tables[name.removesuffix("_table")].name
        elif name.endswith("_queue_url") and name != "dead_letter_queue_url":
            assert value == getattr(known, name.removesuffix("_url")).url
        elif name in {"sources", "restore_buckets", "scratch_prefix"}:
            assert value == getattr(known, name)
        elif name.endswith("_bucket"):
            assert value == getattr(known, name.removesuffix("_bucket")).name


def test_each_worker_has_the_dead_letters_of_its_own_queues() -> None:
    """A message that cannot be understood goes where its queue's go."""
    assert _read("worker").dead_letter_queue_url.endswith("/jobs-dead")
    assert _read("restore_worker").dead_letter_queue_url.endswith("/restores-dead")


def test_nothing_to_restore_into_is_an_empty_list() -> None:
    """Not a missing variable: the function says no, it does not fail."""
    assert _read("restore", restore_buckets=()).restore_buckets == ()


def test_names_beyond_ascii_are_read_as_they_were() -> None:
    """Prefixes are keys, in any language."""
    source = SourceSetting("drafts", "acme-drafts", 'ä "quoted"/', ("ö*",))
    assert _read("worker", sources=(source,)).sources == (source,)


def test_what_a_resource_gives_stays_an_output() -> None:
    """Unknown at preview, and passed on as it is."""

    def write() -> None:
        table = TableRef(Output.from_input("later"), "arn")
        known = resources()
        written = variables("watchdog", replace(known, tables={**known.tables, "runs": table}), "test", {})
        assert written["RUNS_TABLE"] is table.name

    deploy(write)


def test_a_value_that_no_function_has_is_refused() -> None:
    """A misspelt name would else change nothing, in silence."""
    with pytest.raises(ConfigurationError, match="retention_dayz"):
        variables("worker", resources(), "test", {"retention_dayz": 1})


def test_a_missing_table_is_named() -> None:
    """Before the deployment, not at the first invocation."""
    with pytest.raises(ConfigurationError, match=r"worker lacks .*dedup_table"):
        variables("worker", resources(tables={}), "test", {})


def test_more_than_lambda_takes_is_refused() -> None:
    """4 KB for all variables together: some 40 sources with long names."""
    many = tuple(SourceSetting(f"source-{number}", f"bucket-{number}" * 5, "clients/") for number in range(50))
    with pytest.raises(ConfigurationError, match=r"worker has .* bytes, more than the 4,096"):
        variables("worker", resources(sources=many), "test", {})
