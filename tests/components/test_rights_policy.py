"""A role gets the contract's rights on this stack's resources, and what AWS asks for beside; nothing else."""

import pytest
from pulumi import Output

from components.refs import BucketRef
from components.resources import literal
from components.rights_policy import (
    EVERYWHERE,
    WITHOUT_ENDPOINT,
    endpoint_access,
    network_statements,
    on_failure_statements,
    statements,
)
from functions.contract.environment import SourceSetting
from functions.contract.rights import FAILURES, NETWORK, RIGHTS
from tests.components.deployment import KEY, REGION, RESTORE_KEY, SOURCE_KEY, deploy, queue_ref, resources
from tests.program.kit import ACCOUNT

_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:test-worker"


def _by_sid(function: str) -> dict[str, dict[str, object]]:
    return {statement["Sid"]: statement for statement in statements(function, resources())}


@pytest.mark.parametrize("function", RIGHTS)
def test_a_role_has_exactly_the_actions_that_the_contract_names(function: str) -> None:
    """One statement a right, in the same order, none left out and none added."""
    granted = statements(function, resources())
    assert [tuple(item["Action"]) for item in granted] == [right.actions for right in RIGHTS[function]]
    assert {item["Effect"] for item in granted} == {"Allow"}


@pytest.mark.parametrize("function", RIGHTS)
def test_only_what_is_on_the_list_is_allowed_everywhere(function: str) -> None:
    """And no action is a pattern; an ARN ends in a pattern only below a bucket's folder or a log group."""
    given = [
        *statements(function, resources()),
        *network_statements(_ARN),
        *on_failure_statements(_ARN, "q", "k"),
    ]
    for item in (item for item in given if item["Effect"] == "Allow"):
        assert not [action for action in item["Action"] if "*" in action]
        assert all(EVERYWHERE[action] for action in item["Action"] if item["Resource"] == ["*"])
        patterns = [arn for arn in item["Resource"] if "*" in arn and arn != "*"]
        assert not [arn for arn in patterns if arn.split(":")[2] not in {"s3", "logs", "ec2"}]


@pytest.mark.parametrize("function", RIGHTS)
def test_statements_have_names_of_their_own(function: str) -> None:
    """IAM refuses a policy with two statements of one name, and characters but letters and digits."""
    sids = [item["Sid"] for item in statements(function, resources())]
    assert len(set(sids)) == len(sids)
    assert all(sid.isalnum() for sid in sids)


@pytest.mark.parametrize("function", RIGHTS)
def test_nobody_may_delete(function: str) -> None:
    """Promise 2: only the lifecycle of expired packs deletes."""
    actions = [action for item in statements(function, resources()) for action in item["Action"]]
    assert [action for action in actions if "Delete" in action] in (
        [],
        ["sqs:DeleteMessage"],
        ["sqs:DeleteMessage"] * 2,
    )


def test_the_worker_works_on_its_own_resources() -> None:
    """ARN by ARN: folders of sources, the repository, its tables without their indexes, its queues."""
    worker = _by_sid("worker")
    assert worker["Sources"]["Resource"] == ["arn:aws:s3:::acme-reports", "arn:aws:s3:::acme-drafts"]
    assert worker["SourceObjects"]["Resource"] == ["arn:aws:s3:::acme-reports/clients/*", "arn:aws:s3:::acme-drafts/*"]
    assert worker["RepositoryObjects"]["Resource"] == ["arn:aws:s3:::test-primary/*"]
    assert worker["DedupTable"]["Resource"] == [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/test-dedup"]
    assert worker["DeadLetterQueue"]["Resource"] == [queue_ref("jobs-dead").arn]
    assert _by_sid("restore_worker")["DeadLetterQueue"]["Resource"] == [queue_ref("restores-dead").arn]
    assert worker["Logs"]["Resource"] == [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/test-worker:*"]


def test_tables_that_are_asked_by_status_come_with_that_index() -> None:
    """Runs and restores, by name and not by a pattern."""
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/test-runs"
    assert _by_sid("initiator")["RunsTable"]["Resource"] == [table, f"{table}/index/StatusIndex"]


def test_a_function_may_start_itself_by_its_plain_name() -> None:
    """It knows its name and no alias."""
    assert _by_sid("initiator")["Self"]["Resource"] == [f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:test-initiator"]


def test_a_key_may_be_used_by_the_service_only_that_it_is_for() -> None:
    """Lambda names no service for a function's variables, but the function."""
    via = {
        sid: item["Condition"]["StringEquals"]["kms:ViaService"].split(".")[0]  # type: ignore[index] # always there
        for sid, item in {**_by_sid("worker"), **_by_sid("restore_worker"), **_by_sid("verifier")}.items()
        if sid != "EnvironmentKey" and any(action.startswith("kms:") for action in item["Action"])  # type: ignore[attr-defined] # a list
    }
    assert via == {
        "SourceKey": "s3",
        "RepositoryKey": "s3",
        "ScratchKey": "s3",
        "RestoreKey": "s3",
        "QueueKey": "sqs",
        "TopicKey": "sns",
        "TableKey": "dynamodb",
    }
    assert _by_sid("worker")["SourceKey"]["Resource"] == [SOURCE_KEY]
    assert _by_sid("restore_worker")["RestoreKey"]["Resource"] == [RESTORE_KEY]


def test_a_function_opens_its_own_variables_only() -> None:
    """All functions share the key; the context of the encryption says whose variables they are."""
    (condition,) = [_by_sid("worker")["EnvironmentKey"]["Condition"]]
    assert condition == {"StringEquals": {"kms:EncryptionContext:aws:lambda:FunctionArn": _ARN}}


def test_what_lambda_does_as_the_function_is_what_the_contract_declares() -> None:
    """Keeping failed events, and joining a network."""
    kept = [tuple(item["Action"]) for item in on_failure_statements(_ARN, "q", "k")]
    joined = [tuple(item["Action"]) for item in network_statements(_ARN) if item["Effect"] == "Allow"]
    assert kept == [right.actions for right in FAILURES]
    assert joined == [right.actions for right in NETWORK]


@pytest.mark.parametrize("function", RIGHTS)
def test_whoever_publishes_may_use_the_key_of_the_topic(function: str) -> None:
    """Else every notice of the function would fail. Who publishes nothing has no right to it."""
    if "Topic" not in _by_sid(function):
        assert function == "api"
        assert "TopicKey" not in _by_sid(function)
        return
    assert _by_sid(function)["TopicKey"]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert _by_sid(function)["TopicKey"]["Resource"] == [KEY.arn]


def test_what_is_not_configured_is_left_out() -> None:
    """IAM refuses an empty list of resources."""
    none = resources(source_keys=(), restore_buckets=(), restore_keys=())
    for function in RIGHTS:
        given = statements(function, none)
        assert all(item["Resource"] for item in given)
        assert not {item["Sid"] for item in given} & {"SourceKey", "RestoreBuckets", "RestoreObjects", "RestoreKey"}


def test_two_sources_of_one_bucket_name_it_once() -> None:
    """And their folders one by one."""
    sources = (SourceSetting("a", "acme", "a/"), SourceSetting("b", "acme", "b/"), SourceSetting("c", "acme", "b/"))
    worker = {item["Sid"]: item for item in statements("worker", resources(sources=sources))}
    assert worker["Sources"]["Resource"] == ["arn:aws:s3:::acme"]
    assert worker["SourceObjects"]["Resource"] == ["arn:aws:s3:::acme/a/*", "arn:aws:s3:::acme/b/*"]


def test_a_prefix_means_itself_in_a_policy() -> None:
    """Keys may hold what policies read as patterns and variables."""
    assert literal("a*b?${aws:username}/") == "a${*}b${?}${$}{aws:username}/"


def test_another_partition_is_in_every_arn_that_is_written_here() -> None:
    """`aws-us-gov` has no ARN of `aws`."""
    given = statements("worker", resources(partition="aws-us-gov"))
    written = [item for item in given if item["Sid"] in {"Sources", "SourceObjects", "Logs"}]
    assert {arn.split(":")[1] for item in written for arn in item["Resource"]} == {"aws-us-gov"}


def test_only_lambda_uses_the_rights_for_interfaces() -> None:
    """Code of the function is denied what its role has for Lambda's sake."""
    denied = network_statements(_ARN)[2]
    allowed = {action for item in network_statements(_ARN)[:2] for action in item["Action"]}
    assert denied["Effect"] == "Deny"
    assert set(denied["Action"]) == allowed
    assert denied["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": _ARN}}
    assert network_statements(_ARN)[0]["Resource"] == [f"arn:aws:ec2:{REGION}:{ACCOUNT}:*/*"]


def test_every_service_has_an_endpoint_or_a_reason_why_not() -> None:
    """Derived from the rights: a new service of a function gets an endpoint by itself."""
    access = endpoint_access(resources())
    services = {action.partition(":")[0] for rights in RIGHTS.values() for right in rights for action in right.actions}
    assert set(access) == {"dynamodb", "lambda", "s3", "sns", "sqs"}
    assert services == set(access) | set(WITHOUT_ENDPOINT)
    assert all(WITHOUT_ENDPOINT.values())


@pytest.mark.parametrize("function", RIGHTS)
def test_an_endpoint_lets_through_all_that_a_function_may_do(function: str) -> None:
    """Both policies have to allow a call."""
    access = endpoint_access(resources())
    for item in statements(function, resources()):
        service = item["Action"][0].partition(":")[0]
        if service in access:
            assert set(item["Action"]) <= set(access[service].actions)
            assert set(item["Resource"]) <= set(access[service].resources)


def test_outputs_are_named_once_in_an_endpoint_policy() -> None:
    """They cannot be compared by what they will be."""

    def ask() -> None:
        arn = Output.from_input("arn:aws:s3:::test-primary")
        access = endpoint_access(resources(repository=BucketRef("test-primary", arn)))
        assert len([item for item in access["s3"].resources if item is arn]) == 1
        assert len(access["s3"].resources) == len(endpoint_access(resources())["s3"].resources)

    deploy(ask)
