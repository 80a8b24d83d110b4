"""Finds what a request asks for, checks it, has it done, and answers. Whatever happens, there is an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from functions.engine.errors import StrongroomError
from functions.runtime.api_errors import ApiError, MethodError, RouteError
from functions.runtime.api_http import Reply, Request, read_request, refusal
from functions.runtime.api_models import Model, Nothing, input_error
from functions.runtime.api_ports import ApiPorts, Asked
from functions.runtime.api_routes import ROUTES, Route
from functions.runtime.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Router:
    """The API. `routes` are tried in their order."""

    ports: ApiPorts
    telemetry: Telemetry
    routes: Sequence[Route] = ROUTES

    def answer(self, event: Mapping[str, Any], seconds_left: Callable[[], float]) -> Reply:
        """Answer an event of API Gateway."""
        request_id = str(event.get("requestContext", {}).get("requestId", ""))
        with self.telemetry.bound(api_request=request_id):
            try:
                request = read_request(event)
                route, named = self._route(request)
            except ApiError as error:
                return self._refuse(error, request_id)
            return self._do(route, named, request, seconds_left)

    def _do(self, route: Route, named: Mapping[str, str], request: Request, seconds_left: Callable[[], float]) -> Reply:
        with self.telemetry.bound(route=route.name):
            try:
                made = route.act(self.ports, _asked(route, named, request, seconds_left))
            except Exception as error:  # noqa: BLE001 - nobody is told by a stack trace
                return self._refuse(error, request.request_id)
            self.telemetry.info("answered", status=route.status)
            return Reply(route.status, made.model_dump_json())

    def _route(self, request: Request) -> tuple[Route, Mapping[str, str]]:
        found = [(route, named) for route in self.routes if (named := route.match(request.parts)) is not None]
        if not found:
            raise RouteError("there is nothing at this path")
        for route, named in found:
            if route.method == request.method:
                return route, named
        allowed = ", ".join(sorted({route.method for route, _ in found}))
        raise MethodError(f"this path takes {allowed} only", hint=f"use {allowed}")

    def _refuse(self, error: Exception, request_id: str) -> Reply:
        headers = {"allow": error.remedy.removeprefix("use ")} if isinstance(error, MethodError) else None
        reply = refusal(error, request_id, headers)
        code = error.code if isinstance(error, StrongroomError) else type(error).__name__
        if isinstance(error, ApiError):
            self.telemetry.info("refused", status=reply.status, code=code)
        else:
            self.telemetry.error("request failed", status=reply.status, code=code, reason=str(error))
        return reply


def _asked(
    route: Route, named: Mapping[str, str], request: Request, seconds_left: Callable[[], float]
) -> Asked[Any, Any, Any]:
    path = _checked("path", lambda: route.takes.model_validate_strings(dict(named)))
    query = _checked("query", lambda: route.query.model_validate_strings(dict(request.query)))
    body: Model = Nothing()
    if route.body is not Nothing:
        document = request.document()
        body = _checked("body", lambda: route.body.model_validate_json(document))
    chosen = query.model_dump_json(exclude={"cursor", "limit"})
    return Asked(path, query, body, f"{route.name} {path.model_dump_json()} {chosen}", seconds_left)


def _checked(where: str, read: Callable[[], Model]) -> Model:
    try:
        return read()
    except ValidationError as error:
        raise input_error(where, error) from error
