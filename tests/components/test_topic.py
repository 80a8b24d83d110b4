"""The topic can be used by those who raise alarms, and by nobody without TLS."""

from components.key_policy import EVENTS
from components.topic import Topic, TopicArgs
from tests.components.deployment import KEY, deploy, policy
from tests.program.kit import ACCOUNT, Program


def _topic(email: str | None = None) -> Program:
    return deploy(lambda: Topic("notices", TopicArgs("test-notices", KEY, ACCOUNT, email=email)))


def test_the_topic_is_encrypted_with_our_own_key() -> None:
    """AWS's own key for SNS cannot let alarms in."""
    (topic,) = _topic().of("aws:sns/topic:Topic")
    assert topic.inputs["kmsMasterKeyId"] == KEY.arn


def test_services_of_this_account_may_publish() -> None:
    """Alarms and budgets under the account's condition; EventBridge, which knows none, without."""
    (item,) = _topic().of("aws:sns/topicPolicy:TopicPolicy")
    *services, _ = policy(item)
    conditions = {each["Principal"]["Service"]: each.get("Condition") for each in services}
    here = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert conditions == {"cloudwatch.amazonaws.com": here, "budgets.amazonaws.com": here, EVENTS: None}
    assert all(each["Action"] == ["sns:Publish"] for each in services)


def test_nothing_is_published_without_tls() -> None:
    """Whoever it is."""
    (item,) = _topic().of("aws:sns/topicPolicy:TopicPolicy")
    deny = policy(item)[-1]
    assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_mail_is_sent_if_there_is_an_address() -> None:
    """And nothing is subscribed if there is none."""
    (subscription,) = _topic("ops@example.com").of("aws:sns/topicSubscription:TopicSubscription")
    assert (subscription.inputs["protocol"], subscription.inputs["endpoint"]) == ("email", "ops@example.com")
    assert _topic().of("aws:sns/topicSubscription:TopicSubscription") == []
