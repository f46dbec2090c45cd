"""Every room says in which order to read it, and the list is of the files it has."""

import ast
import re
from pathlib import Path

import pytest

import wardgate

ROOT = Path(wardgate.__file__).parent
ROOMS = sorted(path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("*/**/__init__.py"))
FEW = 3
"""Of so few files the order is plain."""
TOOLS = frozenset({"__init__", "__main__", "env"})
"""`env` is Alembic's own."""


def _files(room: Path) -> set[str]:
    return {path.stem for path in room.glob("*.py")} - TOOLS | {path.parent.name for path in room.glob("*/__init__.py")}


@pytest.mark.parametrize("room", ROOMS)
def test_the_reading_order_names_every_file(room: str) -> None:
    """None is missing, unless the list ends in a word for the rest; none is named that is not there."""
    files = _files(ROOT / room)
    told = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))
    assert told, "a room says what it owns"
    order = re.search(r"Read: (.*?)(?:\n\n|\Z)", told, re.DOTALL)
    if order is None:
        assert len(files) <= FEW
        return
    words = set(re.findall(r"[a-z][a-z_0-9]*", order[1]))
    if not re.search(r"one (file|module) per (?!Envoy)", order[1]):
        assert files <= words
    assert {word for word in words if "_" in word} <= files
