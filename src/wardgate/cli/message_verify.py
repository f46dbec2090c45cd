"""`wardgate message verify FILE`: who signed what, of a seal, of a clear message with its signature, or of FHIR that is signed inside."""

from pathlib import Path

import click

from wardgate.cli.message_desk import Desk, message_file, read_file, refusals, with_desk
from wardgate.cli.message_legacy import legacy_options, verify_payload
from wardgate.cli.message_proof import proof_data, proof_lines, signature_data, signature_lines
from wardgate.client.message import verify_message
from wardgate.client.seal_fhir import verify_bundle, verify_resource
from wardgate.fhir import Version
from wardgate.sealing.any_suite import Kind, kind_of


@click.command()
@click.argument("file", type=message_file)
@click.option("--signature", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None, metavar="FILE", help="The signature beside a clear message.")
@click.option("--of", "resource", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None, metavar="FILE",
              help="FILE is a Provenance: the resource in JSON that it signs.")
@click.option("--fhir", "release", type=click.Choice([version.value for version in Version]), default=Version.R4.value, show_default=True,
              help="Of a signature inside FHIR: the release.")
@legacy_options
@with_desk
def verify(file: Path, signature: Path | None, resource: Path | None, release: str, legacy: bool, payload_id: str | None, desk: Desk) -> None:
    """Say exactly what the signature of FILE covers, who made it, when, and in which role; the exit code is 1 when it is not good.

    FILE is a seal that one of our keys opens, a clear message with its --signature, a Bundle with a signature of its own, or a Provenance with the
    resource --of which it is. However old the signature is: once the signer's certificate is over, a trusted time-stamp must show that it is older.
    Nothing is said of whether the message is valid, allowed or new.
    """
    body = read_file(file, "the message")
    beside = read_file(signature, "the signature") if signature is not None else None
    if legacy:
        verify_payload(desk, body, payload_id)
        return
    with refusals(desk):
        if resource is not None:
            found = verify_resource(body, read_file(resource, "the resource"), keys=desk.keys, version=Version(release), now=desk.now)
        elif kind_of(body, beside) is Kind.CLEAR:
            found = verify_bundle(body, keys=desk.keys, version=Version(release), now=desk.now)
        else:
            opened = verify_message(body, keys=desk.keys, signature=beside, now=desk.now)
            desk.printer.answer({"good": True, **proof_data(opened)}, ["the signature is good", *proof_lines(opened)])
            return
    desk.printer.answer({"good": True, "suite": None, "signatures": [signature_data(found.signed)]}, ["the signature is good", *signature_lines(found.signed)])
