"""What commands print: text for people or one JSON document for programs, on standard output."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import click

_CONTROLS: Final = {code: f"\\u{code:04x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}


def shown(text: str) -> str:
    """Return a text without what would command a terminal: others may have written parts of it. JSON has the same value after it."""
    return text.translate(_CONTROLS)


class Output(StrEnum):
    """The forms of an answer: every command has the first two."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    """Of commands whose answer is a table (`options.table_printing`)."""


class Printer:
    """Prints an answer in the form that was asked for."""

    def __init__(self, output: Output) -> None:
        self.output = output

    @property
    def is_json(self) -> bool:
        """Whether programs read this."""
        return self.output is Output.JSON

    def answer(self, data: Any, lines: Iterable[str]) -> None:
        """Print `data` as JSON, or `lines` as text."""
        if self.is_json:
            click.echo(shown(json.dumps(data, indent=2, ensure_ascii=False)))
        else:
            for line in lines:
                click.echo(shown(line))

    def rows(self, data: Any, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], lines: Iterable[str]) -> None:
        """Print a table: `rows` as CSV (RFC 4180), else as `answer` does."""
        if self.output is not Output.CSV:
            self.answer(data, lines)
            return
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows([_cell(row[name]) for name in columns] for row in rows)
        click.echo(text.getvalue(), nl=False)

    def item(self, data: Any, line: str) -> None:
        """Print one of many: a JSON document on its own line, or a line of text."""
        click.echo(shown(json.dumps(data, ensure_ascii=False, separators=(",", ":")) if self.is_json else line))

    def note(self, line: str) -> None:
        """Say something beside the answer, on standard error, to people only."""
        if self.output is Output.TEXT:
            click.echo(shown(line), err=True)


def _cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula: what callers wrote may begin like one."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows in columns as wide as their widest cell, the heading first."""
    widths = [max(len(row[column]) for row in [heading, *rows]) for column in range(len(heading))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [heading, *rows]]


def pairs(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return `name  value` lines with the values in one column; empty values are left out."""
    kept = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in kept), default=0)
    return [f"{name.ljust(width)}  {value}" for name, value in kept]
