"""`wardgate clock`: the virtual clock of an environment that is not live, for meeting what comes with time."""

from datetime import datetime, timedelta
from typing import Final

import click

from wardgate.audit import EventType
from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.durations import Duration, words
from wardgate.cli.failures import Failed
from wardgate.cli.output import Printer, pairs
from wardgate.manifest.documents import CLOCK
from wardgate.stores import Superseded
from wardgate.stores.ports import StoredDocument

LONGEST: Final = timedelta(days=3650)


@click.group()
def clock() -> None:
    """The virtual clock of an environment that is not live: lifetimes go by it, so that expiry needs no waiting."""


@clock.command()
@with_world
def show(world: World, printer: Printer) -> None:
    """Show how far the virtual clock is ahead."""
    world.tells_clock()
    ahead = world.clock_shift
    real = world.now
    rows = [("ahead", words(ahead) or "not at all"), ("real time", _moment(real)), ("virtual time", _moment(real + ahead))]
    printer.answer(_data(ahead, real), pairs(rows))


@clock.command()
@click.argument("duration", type=Duration())
@wait_option
@with_world
def advance(duration: timedelta, wait: float, world: World, printer: Printer) -> None:
    """Turn the virtual clock ahead by DURATION, such as 90s, 15m, 12h or 7d; it only goes forward, by ten years at most."""
    world.tells_clock()
    generation = _generation(world)
    ahead = world.clock_shift + duration
    if ahead > LONGEST:
        raise Failed(f"the clock would be {words(ahead)} ahead, and may be {words(LONGEST)} at most: wardgate clock reset")
    event = world.event(EventType.CLOCK_ADVANCED, advanced_seconds=_seconds(duration), ahead_seconds=_seconds(ahead))
    document = StoredDocument(CLOCK, CLOCK, {"ahead_seconds": _seconds(ahead)})
    try:
        generation = world.stores.documents.write([document], [], event, generation)
    except Superseded:
        raise Failed("the clock or the manifest was changed at this very moment: run the command again") from None
    lines = [f"the virtual clock is {words(ahead)} ahead: {_moment(world.now + ahead)}"]
    confirm(world, printer, generation, wait, _data(ahead, world.now), lines)


@clock.command()
@wait_option
@with_world
def reset(wait: float, world: World, printer: Printer) -> None:
    """Turn the virtual clock back to the real time; sign-ins and tokens of the time ahead count for nothing from then on."""
    world.tells_clock()
    ahead = world.clock_shift
    if not ahead:
        printer.answer(_data(ahead, world.now), ["the clock is that of the real time"])
        return
    event = world.event(EventType.CLOCK_RESET, ahead_seconds=_seconds(ahead))
    generation = world.stores.documents.write([], [(CLOCK, CLOCK)], event)
    confirm(world, printer, generation, wait, _data(timedelta(0), world.now), [f"the clock is that of the real time again; it was {words(ahead)} ahead"])


def _generation(world: World) -> int:
    """Return the generation that a turn is made from. Raises `Failed` where the clock cannot be turned."""
    generation, manifest = world.manifest()
    if manifest.environment.live:
        raise Failed("a live environment has no virtual clock")
    return generation


def _seconds(time: timedelta) -> int:
    return int(time.total_seconds())


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _data(ahead: timedelta, real: datetime) -> dict[str, object]:
    return {"ahead_seconds": _seconds(ahead), "real_time": _moment(real), "virtual_time": _moment(real + ahead)}
