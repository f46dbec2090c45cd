"""`wardgate audit`: the record of every decision, read, verified and exported."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import click

from wardgate import __version__
from wardgate.audit.export import checkpoint_lines, record_lines
from wardgate.audit.fhir import audit_event
from wardgate.audit.provenance import is_write, provenance
from wardgate.audit.verify import LogVerdict
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import IN_FILE
from wardgate.cli.output import Printer
from wardgate.cli.who_saw import who_saw
from wardgate.keystores.database import AUDIT
from wardgate.stores import Stores
from wardgate.stores.ports import AuditRecord, Checkpoint
from wardgate.stores.verify_audit import verify_audit

PAGE: Final = 1000
POLL_SECONDS: Final = 0.5
MAX_CHECKPOINT_LINE: Final = 10_000


@click.group()
def audit() -> None:
    """The record of every decision."""


audit.add_command(who_saw)


@audit.command()
@click.option("--lines", "-n", type=click.IntRange(0, 10_000), default=20, show_default=True, help="How many of the newest records.")
@click.option("--follow", "-f", is_flag=True, help="Go on with new records until interrupted.")
@with_world
def tail(lines: int, follow: bool, world: World, printer: Printer) -> None:
    """Print the newest records, one a line."""
    log = world.stores.audit
    last = head.seq if (head := log.head()) is not None else 0
    for record in log.last(lines) if lines else ():
        _print(printer, record)
        last = max(last, record.seq)
    while follow:
        records = log.read(last, PAGE)
        for record in records:
            _print(printer, record)
            last = record.seq
        if len(records) < PAGE:
            time.sleep(POLL_SECONDS)


@audit.command()
@click.option("--checkpoints", type=IN_FILE, multiple=True, help="Checkpoints exported earlier and kept elsewhere; they prove more than those beside the log.")
@with_world
@click.pass_context
def verify(ctx: click.Context, checkpoints: tuple[Path, ...], world: World, printer: Printer) -> None:
    """Prove that no record was edited, removed, moved or put in; name the first place that is wrong.

    The exit code is 1 when there is one.
    """
    exported = [mark for path in checkpoints for mark in _exported(path)]
    verdict = verify_audit(world.stores.audit, lambda kid, signed, signature: world.keys.verify(AUDIT, kid, signed, signature), exported)
    printer.answer(_verdict_data(verdict), _verdict_lines(verdict))
    if not verdict.intact:
        ctx.exit(1)


@audit.command()
@click.option("--format", "form", type=click.Choice(["jsonl", "fhir", "provenance", "checkpoints"]), default="jsonl", show_default=True,
              help="jsonl: the records as they were hashed. fhir: FHIR R4 AuditEvent, one a line. provenance: FHIR R4 Provenance of calls between systems that wrote something. checkpoints: signed heads, to keep elsewhere.")
@click.option("--out", type=click.File("w", lazy=True), default="-", help="A file. [default: standard output]")
@click.option("--after", type=click.IntRange(0), default=0, show_default=True, help="Leave out records up to this number.")
@with_world
def export(form: str, out: IO[str], after: int, world: World, printer: Printer) -> None:
    """Write the records as JSON lines."""
    written = 0
    for line in _lines(world, form, after):
        out.write(line + "\n")
        written += 1
    if out.name not in {"-", "<stdout>"}:
        printer.answer({"written": written, "file": out.name}, [f"{written} lines written to {out.name}"])


def _lines(world: World, form: str, after: int) -> Iterator[str]:
    stores = world.stores
    if form == "checkpoints":
        yield from checkpoint_lines(mark for mark in stores.audit.checkpoints() if mark.seq > after)
    elif form == "jsonl":
        yield from record_lines(_records(stores, after))
    elif form == "provenance":
        for record in _records(stores, after):
            if is_write(body := json.loads(record.body)):
                yield json.dumps(provenance(record.seq, body), ensure_ascii=False, separators=(",", ":"))
    else:
        site = world.environment.name
        for record in _records(stores, after):
            event = audit_event(record.seq, json.loads(record.body), site=site, observer=f"wardgate {__version__}")
            yield json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _records(stores: Stores, after: int) -> Iterator[AuditRecord]:
    while page := stores.audit.read(after, PAGE):
        yield from page
        after = page[-1].seq


def _exported(path: Path) -> Iterator[Checkpoint]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_CHECKPOINT_LINE), ""), start=1):
            try:
                entry = json.loads(line)
                yield Checkpoint(int(entry["seq"]), datetime.fromisoformat(entry["at"]), str(entry["hash"]), str(entry["signature"]))
            except (ValueError, KeyError, TypeError):
                raise Failed(f"{path}:{number}: not a checkpoint as `wardgate audit export --format checkpoints` writes it") from None


def _verdict_data(verdict: LogVerdict) -> dict[str, Any]:
    return {"intact": verdict.intact, "records": verdict.records, "checkpoints": verdict.checkpoints, "proved_up_to": verdict.proved,
            "wrong_at": verdict.seq, "kind": verdict.kind.value if verdict.kind is not None else None, "detail": verdict.detail or None}


def _verdict_lines(verdict: LogVerdict) -> list[str]:
    if verdict.kind is not None:
        return [f"NOT INTACT at record {verdict.seq}: {verdict.kind.value}: {verdict.detail}",
                f"{verdict.records} records before it follow from each other; checkpoints prove records up to {verdict.proved}"]
    return [f"intact: {verdict.records} records follow from each other, {verdict.checkpoints} checkpoints hold",
            f"proved by signature up to record {verdict.proved}; later records are chained and not yet signed"]


def _print(printer: Printer, record: AuditRecord) -> None:
    body = json.loads(record.body)
    printer.item({"seq": record.seq, **body}, _line(record.seq, body))


def _line(seq: int, body: Mapping[str, Any]) -> str:
    parts = [str(seq), body["at"], body["type"], body.get("outcome"), body.get("reason"), body.get("application"),
             body.get("message_id") or body.get("request_id")]
    return "  ".join(part for part in parts if part)
