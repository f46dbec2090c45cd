"""`wardgate token`: get an access token as an application does, revoke one as the operator may."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from wardgate.audit import EventType
from wardgate.authserver.revoke import REMEMBER_GRACE
from wardgate.cli.calling import Caller, with_caller
from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import read_input
from wardgate.cli.output import Printer
from wardgate.cli.refused import reason_lines
from wardgate.client import TokenRefused
from wardgate.jose import BadSignature, KeyRules, MalformedJWT, UnsuitableKey, UnverifiedJWT, verify
from wardgate.jose.jwk import parse_jwk
from wardgate.keystores.database import ACCESS_TOKEN

LONGEST_LIFE: Final = timedelta(hours=1)
"""How long a revoked id is remembered when only the id is known; no access token of ours lives longer."""


@click.group()
def token() -> None:
    """Access tokens."""


@token.command()
@click.option("--retry", is_flag=True, help="Try again as the SDK does, instead of showing the first failure.")
@with_world
@with_caller
@click.pass_context
def get(ctx: click.Context, retry: bool, caller: Caller, printer: Printer) -> None:
    """Get an access token with a signed assertion (client credentials), and print it alone, for use in scripts."""
    auth = caller.signed_jwt(4 if retry else 1)
    try:
        with caller.client() as client:
            got = auth.obtain(client)
    except TokenRefused as refused:
        printer.answer(
            {"error": refused.code, "error_description": refused.text, "status": refused.status, "reason": refused.reason,
             "message_id": refused.message_id},
            [f"HTTP {refused.status} {refused.code}: {refused.text}", "", *reason_lines(refused)])
        ctx.exit(1)
    printer.answer({"access_token": got.value, "token_type": "Bearer", "expires_in": got.life_seconds}, [got.value])


@token.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="-")
@click.option("--jti", default=None, help="The token's id, in place of the token.")
@wait_option
@with_world
def revoke(file: Path, jti: str | None, wait: float, world: World, printer: Printer) -> None:
    """Revoke the access token in FILE (- is standard input), or the one with --jti; every Envoy refuses it from then on."""
    now = world.now
    if jti is None:
        jti, application, until = _own_token(world, read_input(file, "the token").decode("utf-8", "replace").strip())
    else:
        application, until = None, now + LONGEST_LIFE
    event = world.event(EventType.TOKEN_REVOKED, application, jti=jti)
    generation = world.stores.tokens.revoke(jti, until, event)
    confirm(world, printer, generation, wait, {"revoked": jti}, [f"revoked {jti}"])


def _own_token(world: World, text: str) -> tuple[str, str | None, datetime]:
    """Return id, application and end of a token that this Wardgate signed. Raises `Failed` for any other text."""
    try:
        unverified = UnverifiedJWT.parse(text)
    except MalformedJWT as error:
        raise Failed(f"this is not an access token: {error}") from None
    for key in world.keys.public_keys(ACCESS_TOKEN, world.now):
        try:
            claims = verify(unverified, parse_jwk(key.public_jwk(), KeyRules())).claims
        except (BadSignature, UnsuitableKey):
            continue
        jti, exp, client = claims.get("jti"), claims.get("exp"), claims.get("client_id")
        if isinstance(jti, str) and isinstance(exp, (int, float)):
            return jti, client if isinstance(client, str) else None, datetime.fromtimestamp(exp, UTC) + REMEMBER_GRACE
    raise Failed("this access token was not issued by this Wardgate")
