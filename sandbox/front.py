"""What runs in MiniStack's own environment: its server, tied to whoever started or owns it, and what it is taught.

Run as a program by `sandbox.ministack`, never imported: it knows the standard library and MiniStack only.

- A loopback connection counts as TLS, so that policies which refuse plain HTTP can stay as they are.
- A batch call of SQS asks for the right to the single call, as on AWS, which has no actions for batches (Amazon SQS
  Developer Guide, "Amazon SQS API permissions").
- A session of a role counts by its role's ARN in `aws:PrincipalArn` (IAM User Guide, "AWS global condition context
  keys"), and a call about one alias of a function asks for the right to that call.
- A schedule's payload is filled in as on AWS (EventBridge Scheduler User Guide, "Adding context attributes"); a rate
  comes at once and counts from then, as on AWS (the same, "Rate-based schedules"), also when it is switched on again;
  and the scheduler looks every second.
- A replica is encrypted with the key that the rule names and locked as its bucket says (Amazon S3 User Guide,
  "Replicating encrypted objects" and "What does Amazon S3 replicate?").
- `sandbox/chaos/inside.py` makes trouble when it is asked to, and `sandbox/gameday/inside.py` loses a region.
- `GET /_sandbox/decisions` gives every decision about a role's rights: who, action, resource, allowed, how often.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

_DECISIONS = "/_sandbox/decisions"
_RELEASED = b"r"
_OWNER = "SANDBOX_OWNER"
_NOT_FOR_FUNCTIONS = (_OWNER, "LOG_LEVEL")
"""Variables that are meant for this process. Functions would inherit them: they log at their own level."""
_SINGLE = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
_ALIAS_CALLS = {"GET": "GetAlias", "PUT": "UpdateAlias", "DELETE": "DeleteAlias"}
_LOOK_S = 1
_CONNECTIONS = 10_240
"""What macOS allows at most, where the system's own limit is none."""
_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
_Decisions = Counter[tuple[str, str, str, bool]]


def main() -> int:
    """Serve until told to end, or until whoever started this ends without having released it."""
    threading.Thread(target=_follow, args=(os.environ.get(_OWNER),), daemon=True).start()
    _allow_connections()
    app: Any = import_module("ministack.app")
    for name in _NOT_FOR_FUNCTIONS:
        os.environ.pop(name, None)
    evaluator: Any = import_module("ministack.core.iam_evaluator")
    decisions: _Decisions = Counter()
    _teach_rights(evaluator, import_module("ministack.core.iam_actions"))
    evaluator.enforce = _counted(evaluator.enforce, evaluator.caller_arn, decisions)
    troubled = _beside("chaos/inside.py").troubled(_taught(app.app, decisions))
    app.app = _beside("gameday/inside.py").without_lost_region(troubled)
    _teach_scheduler(import_module("ministack.services.scheduler"), import_module("ministack.services.eventbridge"))
    _teach_replication(import_module("ministack.services.s3"))
    status = import_module("hypercorn.__main__").main(sys.argv[1:])
    return int(status or 0)


def _allow_connections() -> None:
    """Let there be as many open files as are needed, if the system allows it.

    An ordinary user begins with 1,024. Functions, tools and replication keep more connections than that alive, and
    whoever comes then is kept waiting until others end.
    """
    begins, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS if most == resource.RLIM_INFINITY else min(_CONNECTIONS, most)
    if begins != resource.RLIM_INFINITY and begins < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _beside(path: str) -> Any:  # noqa: ANN401 - a module
    """Load a module from the folder of this one, which is no package here."""
    spec: Any = spec_from_file_location("beside", Path(__file__).parent / path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _follow(owner: str | None) -> None:
    """Wait for the other end of the pipe: it closes however that process ends, even by `kill -9`.

    Once released, wait for the owner's in the same way, if there is one.
    """
    folder = os.getcwd()  # noqa: PTH109 - a string is what rmtree takes
    if os.read(0, 1) == _RELEASED:
        if owner is None:
            return
        os.read(int(owner), 1)
    # Whoever started this may have removed it already.
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def _counted(enforce: Callable[..., Any], caller: Callable[[], str], decisions: _Decisions) -> Callable[..., Any]:
    """Wrap MiniStack's check of rights."""

    def checked(access_key_id: str, iam_action: str, *others: Any, resource_arn: str = "*", **context: Any) -> Any:  # noqa: ANN401 - MiniStack's own types
        action = _SINGLE.get(iam_action, iam_action)
        denied = enforce(access_key_id, action, *others, resource_arn=resource_arn, **context)
        if ":assumed-role/" in (who := caller()):
            decisions[who, action, resource_arn if denied else _thing(resource_arn), not denied] += 1
        return denied

    return checked


def _thing(arn: str) -> str:
    """Leave out which object of a bucket it is: there may be millions."""
    bucket, slash, _ = arn.partition("/")
    return f"{bucket}/*" if slash and bucket.startswith("arn:aws:s3:::") else arn


def _teach_rights(evaluator: Any, actions: Any) -> None:  # noqa: ANN401 - MiniStack's own modules
    """Let policies see who calls, and calls about an alias, as on AWS."""
    resolve, name_of = evaluator._resolve_condition_key, actions._lambda_action  # noqa: SLF001 - there is no other way in

    def resolve_key(key: str, context: Any) -> Any:  # noqa: ANN401 - MiniStack's own types
        found = resolve(key, context)
        return _role_arn(found) if key.lower() == "aws:principalarn" else found

    def lambda_action(method: str, path: str) -> Any:  # noqa: ANN401 - the same
        aliases = path.rstrip("/").rpartition("/")[0].endswith("/aliases")
        return (_ALIAS_CALLS.get(method) if aliases else None) or name_of(method, path)

    evaluator._resolve_condition_key, actions._lambda_action = resolve_key, lambda_action  # noqa: SLF001


def _role_arn(principal: str) -> str:
    """Give the ARN of a session's role, none of which has a path here; of anybody else his own."""
    kind, slash, name = principal.partition(":assumed-role/")
    return f"{kind.replace(':sts::', ':iam::')}:role/{name.partition('/')[0]}" if slash else principal


def _teach_scheduler(scheduler: Any, events: Any) -> None:  # noqa: ANN401 - MiniStack's own modules
    """Let the scheduler look often, let rates come at once, and fill in what it hands over."""
    create, update = scheduler._create_schedule, scheduler._update_schedule  # noqa: SLF001 - there is no other way in
    invoke = events._invoke_target  # noqa: SLF001 - the same
    scheduler._SCHEDULE_TICK_INTERVAL = _LOOK_S  # noqa: SLF001

    def count_anew(name: str, body: dict[str, Any]) -> None:
        fired, schedule = scheduler._schedule_last_fired, f"{body.get('GroupName', 'default')}/{name}"  # noqa: SLF001
        for key in [key for key in scheduler._schedules._data if key[2] == schedule]:  # noqa: SLF001
            fired.pop(key, None)
            if body["ScheduleExpression"].startswith("rate("):
                fired[key] = 0.0

    def create_schedule(name: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - MiniStack's own types
        answer = create(name, body)
        count_anew(name, body)
        return answer

    def update_schedule(name: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - the same
        # First, and never for one that ends: another thread looks, and must not let come again what has just come.
        if body.get("State") != "DISABLED":
            count_anew(name, body)
        return update(name, body)

    def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], *others: Any) -> Any:  # noqa: ANN401 - the same
        if event.get("Source") == "aws.scheduler" and target.get("Input"):
            target = {**target, "Input": _filled_in(target["Input"], event)}
        return invoke(target, event, rule, *others)

    scheduler._create_schedule, scheduler._update_schedule = create_schedule, update_schedule  # noqa: SLF001
    events._invoke_target = invoke_target  # noqa: SLF001


def _filled_in(payload: str, event: dict[str, Any]) -> str:
    """Replace the keywords in a schedule's payload."""
    values = {
        "schedule-arn": event["Resources"][0],
        "scheduled-time": datetime.fromtimestamp(event["Time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": event["EventId"],
        "attempt-number": "1",
    }
    for keyword, value in values.items():
        payload = payload.replace(f"<aws.scheduler.{keyword}>", value)
    return payload


def _teach_replication(s3: Any) -> None:  # noqa: ANN401 - MiniStack's own module
    """Give replicas the key and the lock that they have on AWS."""
    replicate = s3._maybe_replicate  # noqa: SLF001 - there is no other way in

    def maybe_replicate(bucket: str, key: str, obj: dict[str, Any], data: object, tags: Any = None) -> None:  # noqa: ANN401 - the same
        rule, _ = s3._replication_rule_for(bucket, key, tags)  # noqa: SLF001
        named = ((rule or {}).get("Destination") or {}).get("EncryptionConfiguration") or {}
        copied = {**obj, "preserved_headers": _with_key(obj.get("preserved_headers", {}), named.get("ReplicaKmsKeyID"))}
        replicate(bucket, key, copied, data, tags)
        obj.update({name: copied[name] for name in ("_replica", "replication_status") if name in copied})
        if "_replica" in obj:
            replica, version, _ = obj["_replica"]
            s3._apply_object_lock_from_headers(replica, key, {}, version)  # noqa: SLF001

    s3._maybe_replicate = maybe_replicate  # noqa: SLF001


def _with_key(headers: dict[str, str], replica_key: str | None) -> dict[str, str]:
    """Give an object's headers with another key, if it has one."""
    return {**headers, _KEY_HEADER: replica_key} if replica_key and _KEY_HEADER in headers else headers


def _taught(app: _App, decisions: _Decisions) -> _App:
    """Wrap MiniStack's application."""

    async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own types
        if scope["type"] == "http" and scope["path"] == _DECISIONS:
            await _answer(send, decisions)
            return
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        await app(scope, receive, send)

    return wrapped


async def _answer(send: Callable[[dict[str, Any]], Awaitable[None]], decisions: _Decisions) -> None:
    names = ("principal", "action", "resource", "allowed")
    found = [{**dict(zip(names, key, strict=True)), "count": count} for key, count in sorted(decisions.items())]
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


if __name__ == "__main__":
    sys.exit(main())
