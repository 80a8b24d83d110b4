"""The remediation's FunctionMemory on AWS Lambda: functions that are called by an alias."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from functions.adapters.aws_calls import AwsCalls
from functions.contract.rights import ALIAS
from functions.engine.errors import UnavailableError
from functions.engine.remediation.ports import Memory

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient

_SAME = ("CodeSha256", "Handler", "Runtime", "Role", "Timeout", "Layers", "KMSKeyArn", "VpcConfig")
"""What a version must have in common with what stands unpublished. Variables cannot be read without their key."""
_LOOKS = 120
_PAUSE_SECONDS = 1.0
"""A function in a network takes seconds to take on a change."""
_READY = (None, "Successful")
_ACTIVE = (None, "Active")


class LambdaMemory:
    """Memory is changed where the function stands unpublished; then that is published, and the alias moved to it.

    Nothing is sent but the new size: variables, code and network stay what they are. Revisions keep a deployment that
    happens meanwhile from being undone.
    """

    def __init__(self, client: Callable[[], LambdaClient], sleep: Callable[[float], None] = time.sleep) -> None:
        """`client` is called once, when a function is first looked at."""
        self._sleep = sleep
        self._calls: AwsCalls[LambdaClient] = AwsCalls(client, "functions of the stack", sleep)

    def look(self, arn: str) -> Memory:
        """See FunctionMemory."""
        latest, called = self._configuration(arn), self._configuration(arn, ALIAS)
        same = all(latest.get(name) == called.get(name) for name in _SAME)
        return Memory(int(called["MemorySize"]), same and latest.get("LastUpdateStatus") in _READY)

    def step(self, arn: str, megabytes: int) -> str:
        """See FunctionMemory. UnavailableError when Lambda has not taken it on after two minutes."""
        before = self._configuration(arn)
        alias: Any = self._calls.call("lambda:GetAlias", lambda c: c.get_alias(FunctionName=arn, Name=ALIAS))
        self._calls.call(
            "lambda:UpdateFunctionConfiguration",
            lambda c: c.update_function_configuration(
                FunctionName=arn, MemorySize=megabytes, RevisionId=before["RevisionId"]
            ),
        )
        self._until(lambda: self._configuration(arn).get("LastUpdateStatus") in _READY, arn)
        version = self._published(arn, before["CodeSha256"])
        self._calls.call(
            "lambda:UpdateAlias",
            lambda c: c.update_alias(
                FunctionName=arn, Name=ALIAS, FunctionVersion=version, RevisionId=alias["RevisionId"]
            ),
        )
        return version

    def _published(self, arn: str, code: str) -> str:
        """Publish what stands there, and wait until it can be called. What is published already is given again."""
        answer: dict[str, Any] = {}

        def is_active() -> bool:
            published: Any = self._calls.call(
                "lambda:PublishVersion", lambda c: c.publish_version(FunctionName=arn, CodeSha256=code)
            )
            answer.update(published)
            return published.get("State") in _ACTIVE

        self._until(is_active, arn)
        return str(answer["Version"])

    def _configuration(self, arn: str, qualifier: str | None = None) -> Any:  # noqa: ANN401 - the client's own answer
        which: Any = {"FunctionName": arn, **({"Qualifier": qualifier} if qualifier else {})}
        return self._calls.call(
            "lambda:GetFunctionConfiguration", lambda client: client.get_function_configuration(**which)
        )

    def _until(self, done: Callable[[], bool], arn: str) -> None:
        for _ in range(_LOOKS):
            if done():
                return
            self._sleep(_PAUSE_SECONDS)
        raise UnavailableError(f"function {arn} has not taken on a change after {_LOOKS} s")
