"""A line that tells how far a long transfer is: on a terminal, to people, and not before it takes a while."""

import sys
import time
from types import TracebackType
from typing import Final, Self

from wardgate.cli.output import Output, Printer

WAIT_SECONDS: Final = 1.0
EVERY_SECONDS: Final = 0.2
WIDTH: Final = 30
_UNITS: Final = (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000))


class Progress:
    """A bar on standard error. A context; called with the octets done and all there are (0: nobody knows)."""

    def __init__(self, printer: Printer, label: str) -> None:
        self._shown = printer.output is Output.TEXT and sys.stderr.isatty()
        self._label, self._began, self._next, self._width = label, time.monotonic(), 0.0, 0
        self._from: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._width:
            self._write("")

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._from is None:
            self._from = done
        if not self._shown or now < max(self._next, self._began + WAIT_SECONDS):
            return
        self._next = now + EVERY_SECONDS
        self._write(line(self._label, done, total, (done - self._from) / (now - self._began)))

    def _write(self, text: str) -> None:
        sys.stderr.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
        sys.stderr.flush()
        self._width = len(text)


def line(label: str, done: int, total: int, bytes_per_second: float) -> str:
    """Return what is shown."""
    speed = f"{amount(max(0, int(bytes_per_second)))}/s"
    if total <= 0:
        return f"{label}  {amount(done)}  {speed}"
    part = min(1.0, done / total)
    return f"{label}  [{('#' * int(WIDTH * part)).ljust(WIDTH)}] {part:4.0%}  {amount(done)} of {amount(total)}  {speed}"


def amount(octets: int) -> str:
    """Return a number of octets as people say it."""
    for unit, size in _UNITS:
        if octets >= size:
            return f"{octets / size:.1f} {unit}"
    return f"{octets} B"
