"""`wardgate audit who-saw`: for a records officer, every call that was about one patient."""

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from wardgate.audit.accesses import COLUMNS, Access, Asked, accesses
from wardgate.audit.model import EventType, Personal
from wardgate.cli.context import World, with_world_and_tables
from wardgate.cli.output import Printer, table
from wardgate.spine.identifiers import is_ods_code, nhs_number_holds
from wardgate.stores.ports import AuditLog

PAGE: Final = 1000
MAX_TYPED_CHARACTERS: Final = 64
_SHOWN: Final = ("when", "outcome", "system", "organisation", "user", "purpose", "route", "reason", "message id")
_HASH_CHARACTERS: Final = 12


class Moment(click.ParamType[datetime]):
    """A day, `2026-11-21`, or a moment, `2026-11-21T09:30:00Z`; without a zone it is in UTC. `end`: a day counts to its end."""

    name = "DATE"

    def __init__(self, *, end: bool) -> None:
        self._end = end

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment in UTC."""
        try:
            found = datetime.fromisoformat(str(value))
            whole_day = timedelta(days=1) if self._end and len(str(value)) == len("2026-11-21") else timedelta()
            return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC) + whole_day
        except (ValueError, OverflowError):
            self.fail("give a day as 2026-11-21, or a moment as 2026-11-21T09:30:00Z", param, ctx)


@click.command("who-saw")
@click.option("--nhs-number", metavar="NUMBER", default=None, show_default="asked for",
              help="The patient. `-` reads it from standard input, so that it stands in no list of processes and no history.")
@click.option("--from", "start", type=Moment(end=False), default=None, help="Calls of this day or moment and later.")
@click.option("--to", "end", type=Moment(end=True), default=None, help="Calls before this moment, or until the end of this day.")
@click.option("--organisation", metavar="ODS", default=None, help="Calls on behalf of this organisation only.")
@with_world_and_tables
def who_saw(nhs_number: str | None, start: datetime | None, end: datetime | None, organisation: str | None, world: World, printer: Printer) -> None:
    """Show every call between systems that was about a patient: when, which system, whose, which user, and what came of it.

    Users are shown by their keyed hashes: the same person has the same one in every record. That somebody asked is recorded too, before the answer.
    """
    if organisation is not None and not is_ods_code(organisation):
        raise click.UsageError("--organisation is an ODS code, 1 to 9 letters and digits")
    number = _read(nhs_number)
    log = world.stores.audit
    patient = log.personal_hash(number)
    found = accesses(_about(log, patient), Asked(start, end, organisation))
    log.append([world.event(
        EventType.AUDIT_SEARCHED, patient=Personal(number), found=len(found), organisation=organisation,
        **{"from": start.isoformat() if start else None, "to": end.isoformat() if end else None},
    )])  # fmt: skip
    rows = [access.row for access in found]
    printer.rows({"patient": patient, "calls": rows}, COLUMNS, rows, _lines(found, patient))


def _read(given: str | None) -> str:
    """Return the NHS number that was given, typed or piped. What is wrong with it is said without it."""
    if given == "-":
        given = sys.stdin.readline(MAX_TYPED_CHARACTERS)
    elif given is None:
        if not sys.stdin.isatty():
            raise click.UsageError("name the patient: --nhs-number NUMBER, or `--nhs-number -` to read it from standard input")
        given = str(click.prompt("NHS number", err=True))
    number = given.strip().replace(" ", "").replace("-", "")
    if not nhs_number_holds(number):
        raise click.UsageError("that is not an NHS number: ten digits, the last of them a check digit that fits")
    return number


def _about(log: AuditLog, patient: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    after = 0
    while page := log.about(patient, after, PAGE):
        for record in page:
            yield record.seq, json.loads(record.body)
        after = page[-1].seq


def _lines(found: list[Access], patient: str) -> list[str]:
    if not found:
        return ["no call about this patient is on record, as far as was asked"]
    rows = [(
        access.at, access.outcome, access.from_asid or access.application, access.organisation, access.user[:_HASH_CHARACTERS], access.purpose,
        f"{access.method} {access.api}{access.route}".strip(), access.reason, access.message_id,
    ) for access in found]  # fmt: skip
    count = f"{len(found)} call{'s' if len(found) > 1 else ''} about the patient with the keyed hash {patient[:_HASH_CHARACTERS]}…"
    return [*table(_SHOWN, rows), "", count, "the whole story of one: wardgate explain MESSAGE-ID"]
