"""Tables and verdicts: what was measured, what was promised, and whether it was kept."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise and what came of it. `target` is an upper bound unless `at_least`."""

    what: str
    measured: float | None
    target: float
    unit: str = ""
    at_least: bool = False
    note: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the promise was kept; None when it could not be measured."""
        if self.measured is None:
            return None
        return self.measured >= self.target if self.at_least else self.measured <= self.target


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table: text to the left, numbers to the right."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(head), *texts]) for column in range(len(head))]
    print("  ".join(cell.ljust(width) for cell, width in zip(head, widths, strict=True)).rstrip())
    for row, values in zip(texts, rows, strict=True):
        cells = (cell.ljust(width) if isinstance(value, str) else cell.rjust(width) for cell, width, value in zip(row, widths, values, strict=True))
        print("  ".join(cells).rstrip())


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    return f"{cell:,.2f}" if isinstance(cell, float) and abs(cell) < 100 else f"{cell:,.0f}" if isinstance(cell, float) else str(cell)


def verdicts(found: Sequence[Verdict]) -> bool:
    """Print the promises. Returns whether every one that could be measured was kept."""
    words = {True: "kept", False: "MISSED", None: "not measured"}
    rows = [[one.what, one.measured, ("≥ " if one.at_least else "≤ ") + _text(float(one.target)) + one.unit, words[one.kept], one.note] for one in found]
    table(["promise", "measured", "target", "", "note"], rows)
    return all(one.kept is not False for one in found)
