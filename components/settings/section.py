"""What every part of the settings has in common: frozen, no unknown keys, camelCase outside and snake_case inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema


class Section(BaseModel):
    """Settings that belong together. Python code may build one by its Python names; `load` reads camelCase only."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """Annotates a text that must satisfy `check`: says in words what is allowed, and gives an example."""

    check: Callable[[str], bool]
    allowed: str
    example: str
    choices: tuple[str, ...] = ()
    """All that is allowed, where that is a list: a message then names the nearest."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - pydantic's own signature
        """Let pydantic check the text after its type."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: str) -> str:
        if not self.check(value):
            raise ValueError(self.allowed)
        return value
