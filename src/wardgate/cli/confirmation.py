"""Waiting until every Envoy enforces a change."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import click

from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.cli.output import Printer
from wardgate.stores.ports import DataPlane

RECENT: Final = timedelta(seconds=15)
"""A data plane that has said nothing for so long is not waited for."""
POLL_SECONDS: Final = 0.1

wait_option = click.option(
    "--wait", type=click.FloatRange(0, 600), default=10.0, show_default=True, metavar="SECONDS",
    help="How long to wait until every running Envoy confirms the change; 0 does not wait.",
)


def confirm(
    world: World, printer: Printer, generation: int, wait_seconds: float, data: Mapping[str, Any], lines: Sequence[str]
) -> None:
    """Print what was done once every recently seen data plane enforces `generation`.

    Raises `Failed` when one reports an error or does not follow in time. The change stays stored in both cases.
    """
    planes = wait_for(world, generation, wait_seconds) if wait_seconds else None
    said = "" if planes is None else _said(planes)
    confirmed = None if planes is None else sorted(plane.node for plane in planes)
    printer.answer({**data, "generation": generation, "confirmed_by": confirmed}, [*lines, *([said] if said else [])])


def wait_for(world: World, generation: int, wait_seconds: float) -> Sequence[DataPlane]:
    """Return the data planes that confirmed `generation`: all that were seen recently. Raises `Failed`."""
    until = time.monotonic() + wait_seconds
    while True:
        planes = [plane for plane in world.stores.data_planes.all() if world.now - plane.seen <= RECENT]
        behind = [plane for plane in planes if plane.generation < generation or plane.error is not None]
        if not behind:
            return planes
        if time.monotonic() >= until:
            wrong = "; ".join(f"{plane.node}: {plane.error or f'still at generation {plane.generation}'}" for plane in behind)
            raise Failed(f"generation {generation} is stored, but not every Envoy enforces it after {wait_seconds:g} s: {wrong}")
        time.sleep(POLL_SECONDS)


def _said(planes: Sequence[DataPlane]) -> str:
    if not planes:
        return "no Envoy is running; the change holds from the next start"
    return "enforced by " + ", ".join(sorted(plane.node for plane in planes))
