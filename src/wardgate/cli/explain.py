"""`wardgate explain ID`."""

import json
import time

import click

from wardgate.audit.explain import explain as story_of
from wardgate.cli.context import World, with_world
from wardgate.cli.output import Printer
from wardgate.stores.ports import AuditRecord

POLL_SECONDS = 0.2


@click.command()
@click.argument("any_id", metavar="ID")
@click.option("--wait", type=click.FloatRange(0, 60), default=2.0, show_default=True, metavar="SECONDS",
              help="How long to wait for a record that has not arrived yet.")
@with_world
@click.pass_context
def explain(ctx: click.Context, any_id: str, wait: float, world: World, printer: Printer) -> None:
    """Tell the story of ID, a message, request, correlation or trace id: what was asked, which check failed, who can fix it.

    The exit code is 1 when nothing is recorded of ID.
    """
    story = story_of(any_id, [(record.seq, json.loads(record.body)) for record in _find(world, any_id, wait)])
    printer.answer(dict(story.data) | {"found": story.found}, story.lines)
    if not story.found:
        ctx.exit(1)


def _find(world: World, any_id: str, wait_seconds: float) -> list[AuditRecord]:
    until = time.monotonic() + wait_seconds
    while not (found := world.stores.audit.find(any_id)) and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
    return list(found)
