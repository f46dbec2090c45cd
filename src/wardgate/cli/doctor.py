"""`wardgate doctor`: the server's own checks, in the server's order, before the first call."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from wardgate.cli.authority import authority_of
from wardgate.cli.context import World, with_world
from wardgate.cli.doctor_message import doctor_message
from wardgate.cli.doctor_spine import spine_jwt
from wardgate.cli.doctor_token import token
from wardgate.cli.fetched import fetched
from wardgate.cli.options import IN_FILE, base_url_option, data_option, printing, read_input
from wardgate.cli.output import Printer
from wardgate.cli.prognosis import Finding, of_oauth, of_pki, report
from wardgate.jose import KeyRules, parse_jwk_set
from wardgate.oauth import PROFILES, CheckResult, explain_assertion, explain_jwks
from wardgate.outbound import JWKSUnavailable
from wardgate.pki import NameRules, explain_cert, explain_csr
from wardgate.server import serving

profile_option = click.option("--profile", type=click.Choice(list(PROFILES)), default="nhs", show_default=True,
                              help="nhs: the national platform. strict: FAPI 2.0 where it is stronger.")
now_option = click.option("--now", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S"]), default=None,
                          help="The server's time in UTC, when it is not this machine's.")


@click.group()
def doctor() -> None:
    """Check something before the first call: each check in the server's order, up to the first that fails.

    The exit code is 1 when a check fails.
    """


doctor.add_command(token)
doctor.add_command(spine_jwt)
doctor.add_command(doctor_message)


@doctor.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="-")
@click.option("--jwks", type=IN_FILE, default=None, help="The key set that the server would find; without it the checks end before the key.")
@click.option("--audience", multiple=True, help="A token URL the server accepts as aud. [default: those of --base-url]")
@base_url_option
@data_option
@profile_option
@now_option
@printing
@click.pass_context
def assertion(
    ctx: click.Context, printer: Printer, file: Path, jwks: Path | None, audience: tuple[str, ...], base_url: str | None, data: Path,
    profile: str, now: datetime | None,
) -> None:
    """Check a client assertion in FILE (- is standard input), as the token endpoint would.

    Whether the client is known, and whether its jti was used before, is the server's to say.
    """
    text = read_input(file, "the assertion").decode("utf-8", "replace").strip()
    keys = parse_jwk_set(read_input(jwks, "the key set"), KeyRules()) if jwks is not None else None
    rules = PROFILES[profile]
    results = explain_assertion(text, _moment(now), rules, frozenset(audience or _audiences(base_url or serving.read(data).https, rules.issuer_is_audience)), keys)
    _end(ctx, printer, "the assertion", [of_oauth(result) for result in results])


@doctor.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=None, required=False)
@click.option("--url", default=None, help="Fetch the key set from here, under the server's limits.")
@click.option("--allow-loopback", is_flag=True, help="With --url: this machine may be asked, without TLS too, as a demonstration's server does.")
@click.option("--ca", type=IN_FILE, default=None, show_default="this machine's roots", help="With --url: the roots that the host's certificate is verified with.")
@profile_option
@printing
@click.pass_context
def jwks(
    ctx: click.Context, printer: Printer, file: Path | None, url: str | None, allow_loopback: bool, ca: Path | None, profile: str
) -> None:
    """Check a key set in FILE (- is standard input) or at a URL, as the server does before it uses a key of it."""
    if (file is None) == (url is None):
        raise click.UsageError("give FILE or --url")
    if url is not None:
        content, unreachable = _fetched(url, allow_loopback, ca)
        if unreachable is not None:
            _end(ctx, printer, "the key set", [of_oauth(unreachable)])
            return
    else:
        content = read_input(file, "the key set")
    _end(ctx, printer, "the key set", [of_oauth(result) for result in explain_jwks(content, KeyRules(), PROFILES[profile])])


@doctor.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="-")
@click.option("--ca", type=IN_FILE, default=None, show_default="this Wardgate's", help="The trust bundle, root included.")
@click.option("--crl", type=IN_FILE, multiple=True, help="With --ca: a revocation list in PEM; several may be given.")
@click.option("--name", default=None, help="The DNS name that is registered for the caller.")
@now_option
@with_world
@click.pass_context
def cert(
    ctx: click.Context, file: Path, ca: Path | None, crl: tuple[Path, ...], name: str | None, now: datetime | None,
    world: World, printer: Printer,
) -> None:
    """Check a client certificate in FILE, with the chain that is sent along, as the mutual-TLS port would."""
    content = read_input(file, "the certificate")
    if ca is not None:
        trust, lists = read_input(ca, "the trust bundle"), b"\n".join(read_input(path, "a revocation list") for path in crl)
    elif crl:
        raise click.UsageError("--crl goes with --ca")
    else:
        ours = authority_of(world).client_trust()
        trust, lists = ours.authorities.encode(), ours.crls.encode()
    results = explain_cert(content, trust, lists, now=_moment(now), expected_name=name)
    _end(ctx, printer, "the certificate", [of_pki(result) for result in results])


@doctor.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="-")
@click.option("--name", default=None, help="The DNS name that the request should ask for.")
@click.option("--suffix", multiple=True, default=("nhs.uk",), show_default=True, help="A domain under which names are certified.")
@printing
@click.pass_context
def csr(ctx: click.Context, printer: Printer, file: Path, name: str | None, suffix: tuple[str, ...]) -> None:
    """Check a certificate request in FILE, as `wardgate cert issue` would."""
    results = explain_csr(read_input(file, "the certificate request"), NameRules(suffixes=suffix), name)
    _end(ctx, printer, "the certificate request", [of_pki(result) for result in results])


def _audiences(base_url: str, with_issuer: bool) -> Sequence[str]:
    base = base_url.rstrip("/")
    urls = [f"{base}{path}/token" for path in ("/oauth2", "/oauth2-mock")]
    return [*urls, f"{base}/oauth2"] if with_issuer else urls


def _moment(now: datetime | None) -> datetime:
    return now.replace(tzinfo=UTC) if now is not None else datetime.now(UTC)


def _fetched(url: str, allow_loopback: bool, ca: Path | None) -> tuple[bytes, CheckResult | None]:
    """Return what is at `url`, or the check that the fetch did not pass."""
    try:
        return fetched(url, allow_loopback=allow_loopback, ca=ca), None
    except JWKSUnavailable as fault:
        return b"", CheckResult("jwks-unreachable", holds=False, expected=fault.expected, received=fault.received)


def _end(ctx: click.Context, printer: Printer, what: str, findings: Sequence[Finding]) -> None:
    data, lines = report(what, findings)
    printer.answer(data, lines)
    if not data["passed"]:
        ctx.exit(1)
