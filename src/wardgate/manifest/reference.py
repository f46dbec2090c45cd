"""The tables of the reference page: every key of every document, with type, default and meaning.

A table stands between `<!-- begin Model -->` and `<!-- end Model -->`; the prose around it is written by hand.
`python -m wardgate.manifest.reference FILE` rewrites the tables.
"""

import json
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from wardgate.applications import Subscription
from wardgate.catalogue.model import ROUTE_SHAPES, ErrorShape
from wardgate.manifest.model import Manifest
from wardgate.manifest.wording import PATTERNS

_BASIC: Final = {bool: "true or false", int: "whole number", float: "number", str: "text", dict: "mapping"}
_BLOCK: Final = re.compile(r"<!-- begin (\w+) -->\n.*?<!-- end \1 -->", re.DOTALL)


def models() -> tuple[type[BaseModel], ...]:
    """Return every document of the manifest, in the order in which a reader meets them."""
    found: dict[type[BaseModel], None] = {}

    def visit(model: type[BaseModel]) -> None:
        found[model] = None
        for field in model.model_fields.values():
            for inner in _models_in(field.annotation):
                if inner not in found:
                    visit(inner)

    visit(Manifest)
    return tuple(found)


def table(model: type[BaseModel]) -> str:
    """Return the table of one document."""
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        meaning = " ".join((field.description or "").split())
        rows.append(f"| `{name}` | {_escaped(_type_of(field))} | {_default_of(field)} | {_escaped(meaning)} |")
    return "\n".join(rows)


def with_tables(page: str) -> str:
    """Return the page with every table made anew. Raises `KeyError` for the name of no document."""
    by_name = {model.__name__: model for model in models()}
    return _BLOCK.sub(lambda block: f"<!-- begin {block[1]} -->\n{table(by_name[block[1]])}\n<!-- end {block[1]} -->", page)


def documented(page: str) -> set[str]:
    """Return the names of the documents that have a table on the page."""
    return {block[1] for block in _BLOCK.finditer(page)}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _type_of(field: FieldInfo) -> str:
    words = _words(field.annotation, field.metadata)
    schema = TypeAdapter(field.rebuild_annotation()).json_schema()
    options = [schema, *schema.get("anyOf", ())]
    bounds = {name: option[name] for option in options for name in ("minimum", "exclusiveMinimum", "maximum") if name in option}
    if "exclusiveMinimum" in bounds:
        words += f" above {bounds['exclusiveMinimum']:g}"
    if "minimum" in bounds:
        words += f" from {bounds['minimum']:,}"
    return words + (f" to {bounds['maximum']:,}" if "maximum" in bounds else "")


def _words(annotation: Any, metadata: Any = ()) -> str:
    """Return a type in words; constraints by pattern have words of their own."""
    pattern = next((entry.pattern for entry in _constraints(metadata) if getattr(entry, "pattern", None)), None)
    if pattern is not None:
        return PATTERNS[pattern]
    arguments = [argument for argument in get_args(annotation) if argument not in {NoneType, Ellipsis}]
    origin = get_origin(annotation)
    if annotation == ErrorShape or any(entry in get_args(ErrorShape)[1:] for entry in metadata):
        return ", ".join(f"`{shape}`" for shape in ROUTE_SHAPES)
    if hasattr(annotation, "__metadata__"):
        return _words(arguments[0], annotation.__metadata__)
    if origin is tuple:
        item = _words(arguments[0])
        return f"list, each {item} or a product's name" if arguments[0] is Subscription else f"list, each {item}"
    if origin in {Union, UnionType}:
        return " or ".join(_words(argument) for argument in arguments)
    if origin is Literal:
        return _any_of([str(argument) for argument in arguments])
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _any_of([member.value for member in annotation])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return _BASIC.get(origin or annotation, "date and time with zone")


def _constraints(metadata: Any) -> Iterator[Any]:
    for entry in metadata:
        yield entry
        yield from getattr(entry, "metadata", ())


def _any_of(words: list[str]) -> str:
    quoted = [f"`{word}`" for word in words]
    return ", ".join(quoted[:-1]) + f" or {quoted[-1]}" if len(quoted) > 1 else quoted[0]


def _default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    if field.default is None:
        return "absent"
    if field.default == ():
        return "empty"
    if isinstance(field.default, BaseModel):
        return "its defaults"
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{value if isinstance(value, str) else json.dumps(value)}`" if value != "" else "empty"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
