"""`wardgate message keys request`: have a key certified by an authority that is not ours."""

from pathlib import Path

import click

from wardgate.cli.context import World, with_world
from wardgate.cli.message_key_making import NO_PROOF, make_key, request_in_hardware
from wardgate.cli.message_key_store import check_organisation, known_key
from wardgate.cli.output import Printer
from wardgate.keystores.hardware_uri import HardwareURI
from wardgate.keystores.private_keys import KINDS, RSA_BITS
from wardgate.sealing.keys import Use


@click.command("request")
@click.option("--organisation", required=True, metavar="ODS", help="The organisation whose key it is.")
@click.option("--use", type=click.Choice([use.value for use in Use]), required=True, help="What the key is for.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE", help="Write the request (PKCS #10) to this new file.")
@click.option("--kind", type=click.Choice(list(KINDS)), default="ec", show_default=True, help="Of a new key: on P-256, or RSA.")
@click.option("--bits", type=click.Choice([str(bits) for bits in RSA_BITS]), default="2048", show_default=True, help="Of a new RSA key.")
@click.option("--kid", default=None, metavar="KID", help="The key's id; without it one is made.")
@click.option("--token-label", default=None, metavar="LABEL", help="Make the key in this token of the hardware module, which signs the request.")
@click.option("--hardware", "uri", default=None, metavar="URI", help="Of a key that is in the hardware module already: pkcs11:token=TOKEN;object=KEY.")
@with_world
def request(
    organisation: str, use: str, out: Path, kind: str, bits: str, kid: str | None, token_label: str | None, uri: str | None, world: World, printer: Printer,
) -> None:
    """Make a key and ask another authority for its certificate; the answer is taken by `wardgate message keys import`.

    The request is signed by the key itself, and says whose it is. A certificate for any other key is none for this one.
    """
    if uri is not None and token_label is not None:
        raise click.UsageError("--token-label makes a key, --hardware names one: give one of them")
    if uri is not None and use != Use.SIGNING:
        raise click.UsageError(NO_PROOF)
    check_organisation(world, organisation)
    if uri is not None:
        made = request_in_hardware(world, organisation, HardwareURI.parse(uri), kid, out)
    else:
        made = make_key(world, organisation, Use(use), kind=kind, bits=int(bits), kid=kid, token=token_label, request=out)
    printer.answer({**known_key(world, made.kid).data(), "request": str(out)}, [
        f"wrote the request for {made.kid}, a key of {organisation} for {use}, to {out}",
        f"have it certified, then: wardgate message keys import CERTIFICATE --organisation {organisation}; wardgate message keys publish {made.kid}"])
