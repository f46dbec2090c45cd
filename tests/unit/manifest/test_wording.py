"""Every pattern of the models has words."""

from collections.abc import Iterator
from typing import Any

from wardgate.manifest import Manifest
from wardgate.manifest.wording import PATTERNS


def patterns(schema: Any) -> Iterator[str]:
    """Every `pattern` in a JSON Schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for value in schema.values():
            yield from patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from patterns(value)


def test_every_pattern_has_words_and_no_words_are_left_over() -> None:
    """The table of wordings is the set of the models' patterns."""
    found = set(patterns(Manifest.model_json_schema()))
    assert found
    assert found == set(PATTERNS)
