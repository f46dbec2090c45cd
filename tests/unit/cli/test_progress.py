"""The line that tells how far a long transfer is."""

import io
import sys

import pytest

from wardgate.cli.output import Output, Printer
from wardgate.cli.progress import Progress, amount, line


@pytest.mark.parametrize(("octets", "told"), [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (78_643_200, "78.6 MB"), (10_000_000_000, "10.0 GB")])
def test_amounts_are_said_as_people_say_them(octets: int, told: str) -> None:
    """In units of a thousand."""
    assert amount(octets) == told


def test_the_line_says_part_and_speed() -> None:
    """With a bar where the whole is known."""
    assert line("sending", 500, 1_000, 100) == f"sending  [{'#' * 15}{' ' * 15}]  50%  500 B of 1.0 kB  100 B/s"
    assert line("receiving M1", 500, 0, 100) == "receiving M1  500 B  100 B/s"


class Terminal(io.StringIO):
    """Standard error that is looked at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("terminal", "output", "shown"), [(True, Output.TEXT, True), (True, Output.JSON, False), (False, Output.TEXT, False)])
def test_it_is_shown_to_people_at_a_terminal(monkeypatch: pytest.MonkeyPatch, terminal: bool, output: Output, shown: bool) -> None:
    """Programs and files get nothing of it, nor does anybody within the first second; it is wiped at the end."""
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    ticks = iter([0.0, 0.5, 2.0, 2.1, 2.5, *[9.0] * 9])
    monkeypatch.setattr("time.monotonic", lambda: next(ticks))
    with Progress(Printer(output), "sending") as progress:
        for done in (0, 250, 500, 1_000):
            progress(done, 1_000)
    lines = [part for part in stream.getvalue().split("\r") if part.strip()]
    assert len(lines) == (2 if shown else 0)
    assert not shown or lines[-1].startswith("sending  [")
    assert not shown or stream.getvalue().endswith("\r")
