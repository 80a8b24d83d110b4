"""What a field of the settings may hold, in words: for messages and for the reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from components.settings.section import Checked, Section

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """`kind` is a type of Pulumi's configuration schema, or `number`. `item` is what a list or a map holds."""

    kind: str
    allowed: str
    example: object
    choices: tuple[str, ...] = ()
    item: Shape | None = None
    key: Shape | None = None
    section: type[Section] | None = None


def shape_of(field: FieldInfo) -> Shape:
    """Give the shape of a field. Without an example of its own, its default is one."""
    shape = _shape(field.annotation, field.metadata)
    example = field.examples[0] if field.examples else default_of(field) or shape.example
    return replace(shape, example=example)


def default_of(field: FieldInfo) -> object:
    """Give a field's default as it would stand in a configuration; None when there is none, `{}` for no section."""
    default = None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
    if default is None and not field.is_required() and _shape(field.annotation, field.metadata).section:
        return {}
    if isinstance(default, BaseModel):
        return default.model_dump(mode="json", by_alias=True, exclude_none=True)
    return to_jsonable_python(dict(default) if isinstance(default, Mapping) else default)


def fields_of(section: type[Section]) -> dict[str, FieldInfo]:
    """Give the fields of a section by the names that they have in a configuration."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def shape_at(section: type[Section], path: Iterable[str | int]) -> Shape:
    """Give the shape of what stands at a path below `section`: keys, indices, and the name `[key]` for a map's key."""
    shape = Shape(kind="object", allowed="an object", example={}, section=section)
    for part in path:
        if shape.section:
            shape = shape_of(fields_of(shape.section)[str(part)])
        elif part == "[key]" and shape.key:
            shape = shape.key
        elif shape.item:
            shape = shape.item
    return shape


def all_keys(section: type[Section], before: str = "") -> Iterator[str]:
    """Give every key from the top, such as `retention.days`; those of lists' items are left out."""
    for name, field in fields_of(section).items():
        yield before + name
        inner = shape_of(field).section
        if inner:
            yield from all_keys(inner, f"{before}{name}.")


def _shape(annotation: Any, metadata: Iterable[object]) -> Shape:  # noqa: ANN401 - any type that a field has
    options = [option for option in get_args(annotation) if option is not NoneType]
    if get_origin(annotation) is Annotated:
        return _shape(options[0], [*options[1:], *metadata])
    if NoneType in get_args(annotation):
        return _shape(options[0], metadata)
    if options:
        return _made_of(get_origin(annotation), options, metadata)
    if issubclass(annotation, Section):
        allowed = f"an object of {', '.join(fields_of(annotation))}"
        return Shape(kind="object", allowed=allowed, example={}, section=annotation)
    return _plain(annotation, metadata)


def _made_of(origin: object, options: list[Any], metadata: Iterable[object]) -> Shape:
    """Give the shape of a choice, a list or a map."""
    if origin is Literal:
        choices = tuple(map(str, options))
        kind = "string" if isinstance(options[0], str) else "integer"
        return Shape(kind=kind, allowed=f"one of {', '.join(choices)}", example=options[0], choices=choices)
    least, most = _first(metadata, MinLen), _first(metadata, MaxLen)
    size = " of one or more" if least else f" of up to {most.max_length}" if most else ""
    if origin is tuple:
        item = _shape(options[0], ())
        return Shape(kind="array", allowed=f"a list{size}", example=[item.example], item=item)
    key, item = (_shape(option, ()) for option in options)
    return Shape(kind="object", allowed=f"an object{size}", example={}, item=item, key=key)


def _plain(annotation: type, metadata: Iterable[object]) -> Shape:
    if annotation is bool:
        return Shape(kind="boolean", allowed="true or false", example=True)
    if checked := _first(metadata, Checked):
        return Shape(kind="string", allowed=checked.allowed, example=checked.example, choices=checked.choices)
    low, high = _first(metadata, Ge), _first(metadata, Le)
    bounds = f" from {low.ge:,} to {high.le:,}" if low and high else ""
    kind, words = ("integer", "a whole number") if annotation is int else ("number", "a number")
    return Shape(kind=kind, allowed=words + bounds, example=low.ge if low else 1)


def _first(metadata: Iterable[object], kind: type[T]) -> T | None:
    return next((item for item in metadata if isinstance(item, kind)), None)
