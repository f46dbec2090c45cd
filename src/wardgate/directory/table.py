"""Systems and endpoints as one CSV table (RFC 4180): a row each, a column for each attribute. Taken as a whole or not at all.

Several values of an attribute are lines of one cell. A cell that a spreadsheet would take for a formula begins with an apostrophe,
as does one whose value begins with an apostrophe; reading takes one away.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from wardgate.directory.attributes import CLASSES, IDENTIFIER, OBJECT_CLASS, ObjectClass
from wardgate.directory.entry import Item, entry_of, name_of, read_entry
from wardgate.directory.errors import ImportRefused, InvalidEntries, Problem, shown
from wardgate.directory.ldif_lines import MAX_RECORDS, refused, text_of

CONTENT_TYPE: Final = "text/csv"
_NAMES: Final = tuple(dict.fromkeys(row.name for kind in ObjectClass for row in CLASSES[kind]))
COLUMNS: Final = (OBJECT_CLASS, *_NAMES)
_SPELT: Final = {name.lower(): name for name in COLUMNS}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")


def write(items: Iterable[Item]) -> bytes:
    """Return items as a table, in their order: `read` of it gives them again."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for item in items:
        entry = entry_of(item)
        writer.writerow([entry.object_class, *(_cell(entry.values.get(name, ())) for name in _NAMES)])
    return file.getvalue().encode()


def read(data: bytes) -> tuple[tuple[int, Item], ...]:
    """Return the systems and endpoints of a table, in its order, each with the line it begins at.

    Raises `ImportRefused` with line, entry and column of each problem.
    """
    rows = _rows(text_of(data))
    columns = _columns(*next(rows, (1, [])))
    items: list[tuple[int, Item]] = []
    problems: list[Problem] = []
    for line, row in rows:
        if len(items) >= MAX_RECORDS:
            raise refused(line, f"at most {MAX_RECORDS} rows", "one more")
        try:
            items.append((line, _item(line, columns, row)))
        except InvalidEntries as broken:
            problems += (problem.at(line) for problem in broken.problems)
    if problems:
        raise ImportRefused(problems)
    return tuple(items)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give each row that has something, and the line at which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            if any(row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error:
        raise refused(line, "a row of cells, quoted where they have quotes, commas or lines", "another text") from None


def _columns(line: int, names: list[str]) -> list[str]:
    columns = [_SPELT.get(name.strip().lower(), "") for name in names]
    if "" in columns:
        raise refused(line, "attributes of the schema as the first row", shown(names[columns.index("")]))
    if repeated := next((name for name in columns if columns.count(name) > 1), None):
        raise refused(line, "each column once", f"{repeated} twice")
    for name in (OBJECT_CLASS, IDENTIFIER):
        if name not in columns:
            raise refused(line, "a column for it", "none", name)
    return columns


def _item(line: int, columns: list[str], row: list[str]) -> Item:
    if len(row) != len(columns):
        raise InvalidEntries([Problem("", "", f"{len(columns)} cells", f"{len(row)}", line)])
    cells = dict(zip(columns, row, strict=True))
    said = cells.pop(OBJECT_CLASS).strip()
    kind = next((kind for kind in ObjectClass if kind.lower() == said.lower()), None)
    if kind is None:
        raise InvalidEntries([Problem(name_of(cells[IDENTIFIER][:64]), OBJECT_CLASS, "one of nhsAs, nhsMhs", shown(said), line)])
    return read_entry(kind, {name: _values(cell) for name, cell in cells.items()})


def _cell(values: Iterable[str]) -> str:
    text = "\n".join(values)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _values(cell: str) -> list[str]:
    text = cell.removeprefix("'").replace("\r\n", "\n")
    return text.split("\n") if text else []
