"""The API's OpenAPI document, made from its routes and models: `python -m functions.runtime.api_document docs`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from functions.engine.errors import OutOfTimeError, UnavailableError
from functions.runtime.api_errors import EVERYWHERE, INTERNAL, ApiError
from functions.runtime.api_models import Model, Nothing, Refusal
from functions.runtime.api_routes import READ, ROUTES, TAKEN, Route

FILE: Final = "openapi.json"
_VERSION: Final = "1.0.0"
_REF: Final = "#/components/schemas/{model}"
_JSON: Final = "application/json"
_GATEWAY: Final = "GatewayRefusal"
_MEANINGS: Final = {
    400: "The request holds what is not taken.",
    404: "What was named does not exist, or not for this user.",
    409: "It cannot be done now, or not with this token.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    500: "The operators must see to it.",
    503: "Ask again.",
}
_ANSWERED: Final = {READ: "What was asked for.", TAKEN: "It will be done."}
_BY_GATEWAY: Final = {
    "403": "The caller's role may not call this path.",
    "429": "More requests than the stack's settings let through.",
}
_DESCRIPTION: Final = (
    "Requests are signed with Signature Version 4 for the service `execute-api`. Who may call what is decided by IAM, "
    "on the path: operators by a policy for everything, users by a role whose sessions carry the tag `user`, for what "
    "lies below their own path. Lists are given newest first, a page at a time; times are UTC, sizes bytes. A refusal "
    "has a stable code and a remedy."
)


def document(routes: Sequence[Route] = ROUTES) -> dict[str, Any]:
    """Give the document."""
    schemas = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    kept = {name: schema for name, schema in schemas.items() if name not in _inlined(routes)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Strongroom", "version": _VERSION, "description": _DESCRIPTION},
        "servers": [
            {
                "url": "https://{api}.execute-api.{region}.amazonaws.com",
                "variables": {"api": {"default": "API-ID"}, "region": {"default": "us-east-1"}},
            }
        ],
        "security": [{"sigv4": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**kept, _GATEWAY: _gateway_refusal()}.items())),
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "description": "AWS Signature Version 4",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
        },
    }


def written() -> str:
    """Give the document as its file holds it."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _schemas(routes: Sequence[Route]) -> dict[str, Any]:
    """Give the schema of every model: of what is taken as it is read, of what is given as it is written."""
    taken = {model for route in routes for model in (route.takes, route.query, route.body)} - {Nothing}
    given = {route.gives for route in routes} | {Refusal}
    wanted = [(model, "validation") for model in taken] + [(model, "serialization") for model in given]
    ordered: Any = sorted(wanted, key=lambda pair: pair[0].__name__)
    _, found = models_json_schema(ordered, ref_template=_REF)
    return {name: _plain(schema) for name, schema in found["$defs"].items()}


def _plain(schema: Any) -> Any:  # noqa: ANN401 - JSON of any form
    """Leave out titles, which repeat names."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _plain(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}


def _inlined(routes: Sequence[Route]) -> set[str]:
    return {model.__name__ for route in routes for model in (route.takes, route.query)}


def _operation(route: Route, schemas: Mapping[str, Any]) -> dict[str, Any]:
    summary, _, _ = (route.act.__doc__ or "").strip().partition(". ")
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.group],
        "summary": summary.rstrip("."),
        "parameters": [*_parameters(route.takes, "path", schemas), *_parameters(route.query, "query", schemas)],
        "responses": _responses(route),
    }
    if route.body is not Nothing:
        content = {_JSON: {"schema": {"$ref": _REF.format(model=route.body.__name__)}}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(model: type[Model], where: str, schemas: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if model is Nothing:
        return
    for name, schema in schemas[model.__name__]["properties"].items():
        plain = _without_null(schema)
        described = {"description": plain.pop("description")} if "description" in plain else {}
        yield {"name": name, "in": where, "required": where == "path", **described, "schema": plain}


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Give the schema of a parameter, which is there or is not, and never null."""
    plain = {key: value for key, value in schema.items() if key not in {"anyOf", "default"} or value is not None}
    some = [item for item in plain.pop("anyOf", []) if item.get("type") != "null"]
    return {**(some[0] if some else {}), **plain}


def _responses(route: Route) -> dict[str, Any]:
    refused: dict[int, list[str]] = {}
    own: list[type[ApiError]] = [*EVERYWHERE, *route.all_troubles()]
    for error in own:
        refused.setdefault(error.status, []).append(error.code)
    refused[500] = [INTERNAL]
    refused[503] = [UnavailableError.code, OutOfTimeError.code]
    answers = chain(
        [(str(route.status), _ANSWERED[route.status], route.gives.__name__)],
        ((str(status), _told(status, codes), Refusal.__name__) for status, codes in refused.items()),
        ((status, meaning, _GATEWAY) for status, meaning in _BY_GATEWAY.items()),
    )
    return {
        status: {"description": text, "content": {_JSON: {"schema": {"$ref": _REF.format(model=model)}}}}
        for status, text, model in sorted(answers)
    }


def _told(status: int, codes: Sequence[str]) -> str:
    return f"{_MEANINGS[status]} {', '.join(f'`{code}`' for code in dict.fromkeys(codes))}"


def _gateway_refusal() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "What API Gateway itself answers, before a request comes to anything of ours.",
        "properties": {"message": {"type": ["string", "null"]}},
    }


def main(arguments: Sequence[str]) -> int:
    """Write the document into the folder that is named."""
    Path(arguments[0], FILE).write_text(written(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
