"""`wardgate clock`."""

import json
from datetime import timedelta
from typing import Any

import click
import pytest

from wardgate.cli.durations import Duration, words


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("12h", 43_200), ("7d", 604_800), ("1h30m", 5_400), ("1d1h1m1s", 90_061)])
def test_a_time_is_read(text: str, seconds: int) -> None:
    """Numbers with s, m, h and d, the longest first."""
    assert Duration().convert(text, None, None) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0s", "12", "-1h", "1.5h", "1w", "30m1h", "1h 30m", "h", "9999999d", "1h" * 100])
def test_what_is_no_time(text: str) -> None:
    """Anything else, and no time at all, is said to be wrong use."""
    with pytest.raises(click.BadParameter, match="such as 90s, 15m, 12h, 7d or 1h30m"):
        Duration().convert(text, None, None)


@pytest.mark.parametrize(("seconds", "said"), [(0, ""), (59, "59s"), (5_400, "1h30m"), (315_360_000, "3650d")])
def test_a_time_is_said_as_it_is_entered(seconds: int, said: str) -> None:
    """The units that are not needed are left out."""
    assert words(timedelta(seconds=seconds)) == said


def test_the_clock_only_goes_forward(installed: Any) -> None:
    """Twice twelve hours are a day, ten years are the end; back it goes all the way."""
    assert installed("clock", "show", "-o", "json").data["ahead_seconds"] == 0
    for hours in (12, 24):
        assert installed("clock", "advance", "12h", "-o", "json").data["ahead_seconds"] == hours * 3_600
    refused = installed("clock", "advance", "3650d")
    assert (refused.code, refused.err) == (1, "wardgate: the clock would be 3651d ahead, and may be 3650d at most: wardgate clock reset\n")
    assert installed("clock", "advance", "3649d").code == 0
    answer = installed("clock", "reset")
    assert "the clock is that of the real time again; it was 3650d ahead" in answer.out
    assert installed("clock", "reset").out == "the clock is that of the real time\n"
    assert installed("clock", "show", "-o", "json").data["ahead_seconds"] == 0


def test_turning_it_is_recorded(installed: Any) -> None:
    """By whom, by how much, and how far ahead it was."""
    installed("clock", "advance", "1h")
    installed("clock", "reset")
    advanced, back = [json.loads(line) for line in installed("audit", "tail", "-n", "2", "-o", "json").out.splitlines()]
    assert (advanced["type"], advanced["details"]["advanced_seconds"], advanced["details"]["ahead_seconds"]) == ("ClockAdvanced", 3600, 3600)
    assert (back["type"], back["details"]["ahead_seconds"], back["details"]["by"]) == ("ClockReset", 3600, "command line")


def test_other_commands_say_that_it_is_ahead(installed: Any) -> None:
    """In one line beside the answer, to people; programs find it in `clock show`."""
    assert "virtual clock" not in installed("app", "list").err
    installed("clock", "advance", "1h30m")
    assert installed("app", "list").err == "note: the virtual clock is 1h30m ahead: wardgate clock show\n"
    assert "virtual clock is 1h30m" in installed("app", "show", "no-such-app").err
    assert installed("app", "list", "-o", "json").err == ""
    assert "clock" not in installed("manifest", "export").out


def test_a_live_environment_has_none(installed: Any, manifest_file: Any) -> None:
    """Its clock cannot be turned, and one that was ahead when it became live is not."""
    installed("clock", "advance", "1h")
    live = manifest_file.read_text().replace("{name: trial}", "{name: trial, live: true}").replace("http://", "https://")
    manifest_file.write_text("\n".join(line for line in live.splitlines() if "api_keys" not in line))
    assert installed("manifest", "apply", manifest_file, "--yes").code == 0
    refused = installed("clock", "advance", "1h")
    assert (refused.code, refused.err) == (1, "wardgate: a live environment has no virtual clock\n")
    assert installed("clock", "show", "-o", "json").data["ahead_seconds"] == 0
