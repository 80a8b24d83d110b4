"""The OpenAPI document: current, complete, and made of the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from functions.runtime.api_document import FILE, document, main, written
from functions.runtime.api_routes import ROUTES

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _refs(value: Any) -> set[str]:  # noqa: ANN401 - JSON of any form
    if isinstance(value, list):
        return {ref for item in value for ref in _refs(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
    return own | {ref for item in value.values() for ref in _refs(item)}


def test_the_file_is_current(tmp_path: Path) -> None:
    """`python -m functions.runtime.api_document docs` writes it."""
    assert (DOCS / FILE).read_text(encoding="utf-8") == written()
    assert main([str(tmp_path)]) == 0
    assert (tmp_path / FILE).read_text(encoding="utf-8") == written()


def test_every_route_is_there_and_says_what_it_is_for() -> None:
    """With what it takes, and every answer described."""
    found = document()["paths"]
    assert sum(len(methods) for methods in found.values()) == len(ROUTES)
    for route in ROUTES:
        operation = found[route.path][route.method.lower()]
        assert operation["summary"]
        assert {"400", "403", "404", "429", "500", "503", str(route.status)} <= set(operation["responses"])
        assert ("requestBody" in operation) == (route.method == "POST")
        for parameter in operation["parameters"]:
            assert parameter.get("description") or "$ref" in parameter["schema"], parameter


def test_every_schema_is_used_and_every_use_has_one() -> None:
    """Nothing hangs in the air."""
    whole = document()
    assert _refs(whole) == set(whole["components"]["schemas"])


def test_codes_of_refusals_stand_where_they_can_come() -> None:
    """The list of a status is what a program may compare with."""
    paths = document()["paths"]
    assert "`CURSOR_INVALID`" in paths["/runs"]["get"]["responses"]["400"]["description"]
    assert "`SOURCE_BUSY`, `TOKEN_REUSED`" in paths["/runs"]["post"]["responses"]["409"]["description"]
    assert "409" not in paths["/runs"]["get"]["responses"]
    assert json.loads(written()) == document()
