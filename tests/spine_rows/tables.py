"""Every table of rows."""

from collections.abc import Mapping, Sequence
from typing import Final

from spine_rows.asid_rows import ASID_ROWS
from spine_rows.internet_rows import INTERNET_ROWS
from spine_rows.jwt_rows import JWT_ROWS
from spine_rows.row import Row
from spine_rows.sample_rows import SAMPLE_ROWS

TABLES: Final[Mapping[str, Sequence[Row]]] = {"jwt": JWT_ROWS, "asid": ASID_ROWS, "internet": INTERNET_ROWS, "samples": SAMPLE_ROWS}
ROWS: Final = tuple(row for rows in TABLES.values() for row in rows)
CASES: Final = {f"{row.name}, {accept.rpartition('+')[2]}": (row, accept) for row in ROWS for accept in row.call.accepts}
"""Every row in each form that its API speaks, by name."""
