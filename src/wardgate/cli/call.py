"""`wardgate call METHOD URL`: one call by one of the published patterns, with the reason when it is refused."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
import httpx2

from wardgate.catalogue import Pattern
from wardgate.cli.calling import Caller, with_caller
from wardgate.cli.calling_spine import AsSystem, system_client, with_system
from wardgate.cli.context import with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import read_input
from wardgate.cli.output import Printer
from wardgate.cli.refused import reason_lines, tell_refused
from wardgate.cli.signing_in import SignIn, Users, with_sign_in
from wardgate.cli.spine_user import Behind
from wardgate.client import APIError, ClientCertificateRejected, SignInRefused, UserAuth, api_error, role_headers
from wardgate.refusals import CATALOGUE

MAX_BODY_BYTES: Final = 10_000_000
SECRET_HEADERS: Final = frozenset({"authorization", "apikey", "proxy-authorization", "cookie"})
HEADERS_OF_INTEREST: Final = (
    "content-type", "x-request-id", "x-correlation-id", "x-wardgate-reason", "www-authenticate", "retry-after", "ratelimit",
    "ratelimit-policy", "allow", "location",
)


@click.command()
@click.argument("method")
@click.argument("url")
@click.option("--pattern", type=click.Choice([pattern.value for pattern in Pattern]), default=None, show_default="asid-interaction with --asid, user-restricted with a user, signed-jwt with --app, else open-access",
              help="How the caller proves itself.")
@click.option("--header", "-H", "headers", multiple=True, metavar="NAME:VALUE", help="A header to send; not one that carries a credential.")
@click.option("--data-file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="The request body; - is standard input.")
@click.option("--retry", is_flag=True, help="Try again as the SDK does, instead of showing the first failure.")
@click.option("--role", default=None, metavar="URID", help="The role profile a healthcare worker acts in: NHSD-Session-URID, with --asid the token's requesting_user.")
@with_system
@with_sign_in
@with_world
@with_caller
@click.pass_context
def call(
    ctx: click.Context, method: str, url: str, pattern: str | None, headers: tuple[str, ...], data_file: Path | None,
    retry: bool, role: str | None, system: AsSystem, sign_in: SignIn, caller: Caller, printer: Printer,
) -> None:
    """Call URL (a path, or a whole URL) with METHOD, and print status, headers of interest and body.

    A refusal is explained, and the exit code is 1. With --user, --browser or --id-token a user is behind the call.

    With --asid an accredited system calls, by certificate, headers and a Spine JWT that names --role, --user (a person of the manifest),
    --patient or nobody. What is not said follows from the data directory: the API's headers and token, the system's certificate, the
    interaction. With --via-proxy TARGET the call goes through the secure proxy at URL.
    """
    content = read_input(data_file, "the body") if data_file is not None else None
    if system.wanted or pattern == Pattern.ASID_INTERACTION:
        _call_as_system(ctx, method.upper(), url, _headers(headers), content, Behind(role, sign_in.user, system.patient, system.unattended),
                        pattern, retry, system, caller, printer)
        return
    chosen = _pattern(pattern, sign_in, caller)
    _check_role(role, chosen)
    attempts = 4 if retry else 1
    try:
        with Users(caller, sign_in, role) as users, caller.client(
            _auth(chosen, caller, users, role, attempts), mutual_tls=chosen is Pattern.TLS_MA, attempts=attempts
        ) as client:
            response = _send(client, method.upper(), url, _headers(headers), content)
    except SignInRefused as refused:
        tell_refused(printer, refused)
        ctx.exit(1)
    _show(printer, response, caller.world.now)
    if response.status_code == 401 and users.were_kept:
        printer.note("\nthe user's tokens were kept from before; --fresh signs in anew")
    if response.status_code >= 400:
        ctx.exit(1)


def _call_as_system(
    ctx: click.Context, method: str, url: str, headers: Mapping[str, str], content: bytes | None, behind: Behind, pattern: str | None,
    retry: bool, system: AsSystem, caller: Caller, printer: Printer,
) -> None:
    if not system.wanted:
        raise click.UsageError("the pattern asid-interaction goes with --asid, the calling system")
    if pattern not in {None, Pattern.ASID_INTERACTION}:
        raise click.UsageError("--asid is for the pattern asid-interaction")
    try:
        with system_client(caller, system, behind, method, url, printer, retry=retry) as (client, target):
            response = _send(client, method, target, headers, content)
    except ClientCertificateRejected as rejected:
        raise Failed(f"{rejected}; `wardgate audit tail` names the reason") from None
    _show(printer, response, caller.world.now)
    if response.status_code >= 400:
        ctx.exit(1)


def _pattern(said: str | None, sign_in: SignIn, caller: Caller) -> Pattern:
    if said is None:
        return Pattern.USER_RESTRICTED if sign_in.wanted else Pattern.SIGNED_JWT if caller.app else Pattern.OPEN_ACCESS
    if (Pattern(said) is Pattern.USER_RESTRICTED) != sign_in.wanted:
        raise click.UsageError("the pattern user-restricted goes with a user: --user NAME, --browser or --id-token FILE")
    return Pattern(said)


def _check_role(role: str | None, pattern: Pattern) -> None:
    if role is not None and pattern is not Pattern.USER_RESTRICTED:
        raise click.UsageError("--role goes with a user: --user NAME, --browser or --id-token FILE")
    try:
        role_headers(role)
    except ValueError as error:
        raise click.UsageError(f"--role: {error}") from None


def _auth(pattern: Pattern, caller: Caller, users: Users, role: str | None, attempts: int) -> httpx2.Auth | None:
    match pattern:
        case Pattern.API_KEY:
            return caller.api_key_auth()
        case Pattern.SIGNED_JWT:
            return caller.signed_jwt(attempts)
        case Pattern.USER_RESTRICTED:
            return UserAuth(users.session(), role=role, renew_after_401=attempts > 1)  # without --retry a 401 is shown
        case _:
            return None


def _send(client: httpx2.Client, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> httpx2.Response:
    """Send, and read at most 10 MB of the answer. Raises `Failed`, httpx2's errors, and those of the SDK."""
    try:
        request = client.build_request(method, url, headers=headers, content=content)
    except (httpx2.InvalidURL, ValueError) as error:
        raise click.UsageError(f"{url}: {error}") from None
    response = client.send(request, stream=True)
    try:
        read = bytearray()
        for chunk in response.iter_bytes():
            read += chunk
            if len(read) > MAX_BODY_BYTES:
                raise Failed(f"{response.status_code}, and a body of more than {MAX_BODY_BYTES} bytes")
    finally:
        response.close()
    kept = [(name, value) for name, value in response.headers.multi_items() if name not in {"content-encoding", "content-length"}]
    return httpx2.Response(response.status_code, headers=kept, content=bytes(read), request=request)


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    headers = {}
    for header in given:
        name, colon, value = header.partition(":")
        if not colon or not name.strip() or not header.isascii() or not header.isprintable():
            raise click.UsageError("a header is given as NAME:VALUE, in printable ASCII")
        if name.strip().lower() in SECRET_HEADERS:
            raise click.UsageError(f"{name.strip()} carries a credential, which is never an argument; choose a --pattern")
        headers[name.strip()] = value.strip()
    return headers


def _show(printer: Printer, response: httpx2.Response, now: datetime) -> None:
    headers = {name: response.headers[name] for name in HEADERS_OF_INTEREST if name in response.headers}
    refusal = api_error(response, now) if response.status_code >= 400 else None
    lines = [f"HTTP {response.status_code} {response.reason_phrase}".rstrip(), *(f"{name}: {value}" for name, value in headers.items())]
    body = _body(response)
    lines += ["", body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=2)] if response.content else []
    lines += ["", *reason_lines(refusal)] if refusal is not None else []
    printer.answer({"status": response.status_code, "headers": headers, "body": body, "refusal": _refusal(refusal)}, lines)


def _body(response: httpx2.Response) -> Any:
    if "json" in response.headers.get("content-type", ""):
        try:
            return json.loads(response.content)
        except ValueError:
            pass
    try:
        return response.content.decode()
    except UnicodeDecodeError:
        return f"({len(response.content)} bytes that are not text)"


def _refusal(refusal: APIError | None) -> dict[str, Any] | None:
    if refusal is None:
        return None
    known = CATALOGUE.get(refusal.reason or "")
    return {"reason": refusal.reason, "code": refusal.code, "text": refusal.text, "message_id": refusal.message_id,
            "request_id": refusal.request_id, "explain": refusal.explain_id, "advice": known.advice if known else None}
