"""What is wrong with a manifest.

ManifestInvalid   everything that was found, each a `Problem` with its place
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. `line` counts from 1, 0 when the file as a whole is meant; `key` is like `apis[2].routes[0].path`."""

    file: str
    line: int
    key: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"
        return f"{text} ({self.suggestion})" if self.suggestion else text

    def as_json(self) -> dict[str, Any]:
        """Return the form for `--output json`."""
        return {"file": self.file, "line": self.line, "key": self.key, "message": self.message,
                "suggestion": self.suggestion}


class ManifestInvalid(Exception):
    """The manifest cannot be used; `problems` holds all that was found, in the order of files and lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        many = f"{len(self.problems)} problems" if len(self.problems) != 1 else "1 problem"
        super().__init__("\n".join([f"the manifest has {many}", *map(str, self.problems)]))
