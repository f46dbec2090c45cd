"""Times as people enter and read them: `90s`, `15m`, `12h`, `7d`, or several of these, the longest first."""

import re
from datetime import timedelta
from typing import Final

import click

UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION: Final = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?")


class Duration(click.ParamType[timedelta]):
    """The type of an argument."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the time. Fails for anything else, and for none at all."""
        if isinstance(value, timedelta):
            return value
        found = _DURATION.fullmatch(str(value), 0, 40)
        seconds = sum(int(number or 0) * unit for number, unit in zip(found.groups(), UNITS.values(), strict=True)) if found else 0
        if seconds == 0:
            self.fail("a time is a number and s, m, h or d, such as 90s, 15m, 12h, 7d or 1h30m, and more than none", param, ctx)
        return timedelta(seconds=seconds)


def words(time: timedelta) -> str:
    """Return a time as it is entered, nothing for none."""
    left, parts = int(time.total_seconds()), []
    for unit, size in UNITS.items():
        number, left = divmod(left, size)
        parts += [f"{number}{unit}"] if number else []
    return "".join(parts)
