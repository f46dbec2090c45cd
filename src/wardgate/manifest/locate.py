"""From the place of an error in data to the place in a file."""

from dataclasses import dataclass
from typing import Any

from wardgate.manifest.errors import Problem
from wardgate.manifest.read import MappingNode, SequenceNode

Location = tuple[str | int, ...]
"""As pydantic writes it: keys and indexes from the root."""


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file: `key` is like `apis[2].routes[0].path`."""

    file: str
    line: int
    key: str

    def problem(self, message: str, suggestion: str | None = None) -> Problem:
        """Return the problem that is here."""
        return Problem(self.file, self.line, self.key, message, suggestion)


def locate(file: str, root: MappingNode, location: Location, *, absent: bool = False) -> Place:
    """Follow `location` into the data as far as it goes, and return the line of the last thing that is there.

    Parts that are not data, such as the names pydantic gives to the branches of a union, end the walk. With `absent`
    the last part names a key that is missing: it is part of the place's key although it has no line.
    """
    node: Any = root
    line, key = root.line, ""
    for number, part in enumerate(location):
        if isinstance(node, MappingNode) and part in node:
            line = node.lines[str(part)]
            node, key = node[str(part)], _joined(key, part)
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node):
            line = node.lines[part]
            node, key = node[part], _joined(key, part)
        else:
            if absent and number == len(location) - 1:
                key = _joined(key, part)
            break
    return Place(file, line, key)


def _joined(key: str, part: str | int) -> str:
    if isinstance(part, int):
        return f"{key}[{part}]"
    shown = part if len(part) <= 60 else part[:57] + "..."
    return f"{key}.{shown}" if key else shown
