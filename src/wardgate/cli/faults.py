"""`wardgate faults`: the errors that can be asked for, and those an application has met already."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.output import Printer, pairs, table
from wardgate.refusals import Refusal
from wardgate.refusals.faults import (
    DEFAULT_SECONDS,
    FAULTS,
    HEADER,
    LONGEST_SECONDS,
    PARAMETER,
    Endpoint,
    Fault,
    example_values,
    near,
)
from wardgate.stores.ports import AuditRecord

PAGE: Final = 1000


@dataclass(slots=True)
class Met:
    """How often a fault was met, how often because it was asked for, and when last."""

    times: int = 0
    asked_for: int = 0
    last: str = ""


@click.group()
def faults() -> None:
    """The errors of tokens, sign-in and stand-in providers that can be asked for; a live environment has none."""


@faults.command("list")
@click.option("--app", "application", default=None, metavar="NAME", help="Show which of them this application has met; a client id of the stand-ins does as well.")
@click.option("--endpoint", type=click.Choice([endpoint.value for endpoint in Endpoint]), default=None, help="Those of one endpoint.")
@click.option("--met/--not-met", default=None, help="Those that the application has met, or has not.")
@with_world
def list_faults(application: str | None, endpoint: str | None, met: bool | None, world: World, printer: Printer) -> None:
    """List every fault: where it is met, its status and error, how to ask for it, and what does not hold when it is real."""
    if met is not None and application is None:
        raise click.UsageError("--met and --not-met are about an application: give --app")
    known = _met(world, application) if application is not None else None
    shown = [fault for fault in FAULTS.values() if endpoint is None or endpoint in fault.endpoints]
    if known is not None and met is not None:
        shown = [fault for fault in shown if (fault.name in known) is met]
    heading = ("NAME", "STATUS", "ERROR", "ENDPOINT", "ASK BY", *(("MET",) if known is not None else ()), "WHAT DOES NOT HOLD")
    rows = [(fault.name, *_answer(fault), fault.endpoints[0].value, ", ".join(_ways(fault)), *_times(fault, known), fault.description) for fault in shown]
    lines = table(heading, rows)
    if known is not None:
        lines += ["", f"{application} has met {sum(fault.name in known for fault in FAULTS.values())} of {len(FAULTS)}"]
    printer.answer([_data(fault, known) for fault in shown], lines)


@faults.command()
@click.argument("name")
@click.option("--app", "application", default=None, metavar="NAME", help="Show whether this application has met it.")
@with_world
def show(name: str, application: str | None, world: World, printer: Printer) -> None:
    """Show one fault and every way to ask for it."""
    fault = FAULTS.get(name)
    if fault is None:
        raise Failed(f"there is no fault {name[:60]!r}{near(name)}")
    known = _met(world, application) if application is not None else None
    printer.answer(_data(fault, known), [*pairs(_facts(fault, known)), "", *_asking(fault)])


def _facts(fault: Fault, known: Mapping[str, Met] | None) -> Iterator[tuple[str, str]]:
    status, error = _answer(fault)
    yield "fault", fault.name
    yield "answer", f"{status} {error}".strip()
    if fault.reason is not None:
        yield "says", fault.reason.text
        yield "what to do", fault.reason.advice
        yield "published", fault.reason.source
    yield "does not hold", fault.description
    yield "endpoints", ", ".join(fault.endpoints)
    yield "in a sign-in", "; ".join(fault.moments) or "never"
    if known is not None:
        found = known.get(fault.name)
        yield "met", f"{found.times} times, {found.asked_for} of them asked for, last at {found.last}" if found else "not yet"


def _asking(fault: Fault) -> Iterator[str]:
    seconds = f"; seconds={DEFAULT_SECONDS:g}" if fault.is_delay else ""
    yield f"header of a request   {HEADER}: {fault.name}{seconds}"
    if "parameter" in _ways(fault):
        yield f"when a sign-in begins {PARAMETER}={fault.name} in the authorization request"
    if "person" in _ways(fault):
        yield f"a person who meets it fault: {fault.name} of an entry of users in the manifest"
    if fault.is_delay:
        yield f"at most {LONGEST_SECONDS:g} seconds"


def _ways(fault: Fault) -> tuple[str, ...]:
    begins = {Endpoint.AUTHORIZE, Endpoint.PROVIDER_AUTHORIZE} & set(fault.endpoints)
    return ("header", *(("parameter",) if begins or fault.moments else ()), *(("person",) if fault.moments else ()))


def _answer(fault: Fault) -> tuple[str, str]:
    row = fault.reason
    return (str(row.status), Refusal(row, values=example_values(row, {})).fill(row.error)) if row is not None else ("", "")


def _times(fault: Fault, known: Mapping[str, Met] | None) -> tuple[str, ...]:
    if known is None:
        return ()
    found = known.get(fault.name)
    return ("" if found is None else f"{found.times} (asked for)" if found.times == found.asked_for else str(found.times),)


def _data(fault: Fault, known: Mapping[str, Met] | None) -> dict[str, Any]:
    row = fault.reason
    found = known.get(fault.name) if known is not None else None
    met = {} if known is None else {"met": None if found is None else {"times": found.times, "asked_for": found.asked_for, "last": found.last}}
    return {
        "name": fault.name, "endpoints": list(fault.endpoints), "moments": list(fault.moments), "status": row.status if row else None,
        "error": row.error if row else None, "error_description": row.text if row else None, "description": fault.description,
        "ask_by": list(_ways(fault)), "source": row.source if row else None, **met,
    }


def _met(world: World, name: str) -> dict[str, Met]:
    """Return what the record says that an application, or a client of the stand-ins, was refused. Raises `Failed` for neither."""
    _, manifest = world.manifest()
    clients = {party.client_id for party in manifest.relying_parties} | {provider.client_id for provider in manifest.identity_providers}
    if name not in clients and all(entry.name != name for entry in manifest.applications):
        raise Failed(f"there is no application {name}: wardgate app list")
    found: dict[str, Met] = {}
    for record in _mentioning(world, name):
        body = json.loads(record.body)
        details = body.get("details") or {}
        code = details.get("fault") or body.get("reason")
        if name in {body.get("application"), details.get("client")} and code in FAULTS:
            met = found.setdefault(code, Met())
            met.times += 1
            met.asked_for += "fault" in details
            met.last = body["at"]
    return found


def _mentioning(world: World, name: str) -> Iterator[AuditRecord]:
    """Yield the records with this name somewhere in them; most are not looked into."""
    quoted, after = json.dumps(name, ensure_ascii=False), 0
    while page := world.stores.audit.read(after, PAGE):
        yield from (record for record in page if quoted in record.body)
        after = page[-1].seq
