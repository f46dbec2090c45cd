"""`wardgate demo`: what the demo has for trying messages out, as files."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import click

from wardgate import fhir
from wardgate.cli.options import printing
from wardgate.cli.output import Printer
from wardgate.demo.letter import PATIENT, letter
from wardgate.demo.nhs_number import is_nhs_number
from wardgate.demo.post import SIDES, exchange_manifest
from wardgate.fhir import Format, Version

out_option = click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE", help="Write it to this file instead of printing it.")


@click.group()
def demo() -> None:
    """Made-up things to try Wardgate with: a discharge letter, and the manifests of two sides that exchange one."""


@demo.command("letter")
@click.option("--patient", default=PATIENT, show_default=True, metavar="NHS_NUMBER", help="Whom it is about: a made-up person.")
@click.option("--format", "form", type=click.Choice(["xml", "json"]), default="xml", show_default=True, help="FHIR XML or FHIR JSON.")
@out_option
@printing
def new_letter(patient: str, form: str, out: Path | None, printer: Printer) -> None:
    """Write a new discharge letter, a FHIR STU3 document. Each has an id of its own: the same one sent twice is refused as a duplicate."""
    if not is_nhs_number(patient) or not patient.startswith("9"):
        raise click.BadParameter("made-up people have numbers of the test range: ten digits that begin with 9, the last a check digit", param_hint="--patient")
    found = letter(datetime.now(UTC), secrets.token_bytes, patient)
    _give(printer, fhir.write(found, Format(form), Version.STU3).decode(), out, "the letter")


@demo.command("manifest")
@click.argument("side", type=click.Choice(SIDES))
@out_option
@printing
def side_manifest(side: str, out: Path | None, printer: Printer) -> None:
    """Write one side's manifest of an exchange between two Wardgates: a hospital, and a surgery that runs the MESH."""
    _give(printer, exchange_manifest(side), out, "the manifest")


def _give(printer: Printer, text: str, out: Path | None, what: str) -> None:
    if out is None:
        printer.answer({"content": text}, text.rstrip("\n").split("\n"))
        return
    out.write_text(text, encoding="utf-8")
    printer.answer({"file": str(out)}, [f"{what} is in {out}"])
