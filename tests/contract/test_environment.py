"""Environments are written as the functions read them, by whoever deploys."""

from functions.contract.environment import (
    ENVIRONMENTS,
    SET_BY_LAMBDA,
    SourceSetting,
    VerifierEnvironment,
    WorkerEnvironment,
    variables,
)
from functions.runtime.environment import read_environment


class Later:
    """A value that a deployment knows only when it has made something."""


def test_lists_numbers_and_truths_are_json_and_text_is_text() -> None:
    """Names are those of the fields, in capitals."""
    sources = (SourceSetting("reports", "acme", "a/", ("board",)),)
    written = variables(WorkerEnvironment, {"stack": "test", "sources": sources, "catalog_days": 35})
    assert written == {
        "STACK": "test",
        "SOURCES": '[{"name": "reports", "bucket": "acme", "prefix": "a/", "priority": ["board"]}]',
        "CATALOG_DAYS": "35",
    }


def test_what_is_not_known_yet_stays_what_it_is() -> None:
    """An output of the deployment becomes text by itself."""
    later = Later()
    assert variables(WorkerEnvironment, {"repository_bucket": later}) == {"REPOSITORY_BUCKET": later}


def test_nothing_is_written_that_lambda_sets_or_that_the_function_does_not_have() -> None:
    """Lambda refuses the one, and nobody would read the other."""
    given = dict.fromkeys(SET_BY_LAMBDA, "x") | {
        "users_table": "users",
        "restore_queue_url": "q",
        "topic_arn": None,
    }
    for kind in ENVIRONMENTS.values():
        assert variables(kind, given).keys() <= {"USERS_TABLE", "RESTORE_QUEUE_URL"}
    assert variables(WorkerEnvironment, given) == {"USERS_TABLE": "users"}


def test_what_is_written_is_read_again() -> None:
    """Fractions too."""
    whole = VerifierEnvironment(
        stack="test",
        aws_region="eu-central-1",
        topic_arn="arn",
        sources=(SourceSetting("reports", "acme"),),
        repository_bucket="repository",
        users_table="users",
        drills_table="drills",
        scratch_bucket="scratch",
        scratch_prefix="drills/",
        aws_lambda_function_name="verifier",
        sample_percent=0.25,
    )
    written = variables(VerifierEnvironment, {name: getattr(whole, name) for name in whole.__dataclass_fields__})
    by_lambda = {"AWS_REGION": "eu-central-1", "AWS_LAMBDA_FUNCTION_NAME": "verifier"}
    assert read_environment(VerifierEnvironment, {**written, **by_lambda}) == whole
