"""`wardgate token`: get an access token, of an application by itself or of a user; forget what is kept; revoke one as the operator may."""

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
from wardgate.cli.refused import tell_refused
from wardgate.cli.signing_in import SignIn, Users, every_kept, told, with_sign_in
from wardgate.client import FileTokenStore, SignInRefused, TokenRefused
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
@click.option("--role", default=None, metavar="URID", help="NHS CIS2: the role profile to choose, if the provider asks.")
@with_sign_in
@with_world
@with_caller
@click.pass_context
def get(ctx: click.Context, retry: bool, role: str | None, sign_in: SignIn, caller: Caller, printer: Printer) -> None:
    """Get an access token and print it alone, for use in scripts: the application's own, with a signed assertion, or a user's.

    With --user, --browser or --id-token it is a user's. Its tokens are kept, and renewed when they are due.
    """
    try:
        if sign_in.wanted:
            _print_users(caller, sign_in, role, printer)
            return
        with caller.client() as client:
            got = caller.signed_jwt(4 if retry else 1).obtain(client)
    except (TokenRefused, SignInRefused) as refused:
        tell_refused(printer, refused)
        ctx.exit(1)
    printer.answer({"access_token": got.value, "token_type": "Bearer", "expires_in": got.life_seconds}, [got.value])


def _print_users(caller: Caller, sign_in: SignIn, role: str | None, printer: Printer) -> None:
    with Users(caller, sign_in, role) as users:
        tokens = users.session().tokens
        assert tokens is not None  # noqa: S101 - a session begins with tokens
        printer.answer(told(tokens, tokens.access.seconds_left(caller.clock().now())), [tokens.access.value])


@token.command()
@click.option("--all", "every", is_flag=True, help="The tokens of every user of every application.")
@with_sign_in
@with_world
@with_caller
def forget(every: bool, sign_in: SignIn, caller: Caller, printer: Printer) -> None:
    """Forget the tokens that are kept for --app and --user (by --flow, at --provider), or --all.

    They stay good until their end: sign out at the provider, or `wardgate token revoke`, to have them refused.
    """
    if every == sign_in.wanted:
        raise click.UsageError("give --user or --all")
    if every:
        files = every_kept(caller.world.data)
    else:
        with Users(caller, sign_in, None) as users:
            files = [path for path in (users.kept_at,) if path.is_file()]
    for path in files:
        FileTokenStore(path).forget()
    printer.answer({"forgotten": len(files)}, [f"forgot the tokens of {len(files)} sign-ins" if len(files) != 1 else "forgot the tokens of 1 sign-in"])


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
