"""`wardgate doctor token`: what a token is worth, before it is sent: an access token at every route, an ID token at token exchange.

Both are judged by the rules themselves, on what the store holds now: `decide` for calls, the 37 checks for an exchange.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import httpx2

from wardgate.catalogue import API, Environment, Route
from wardgate.catalogue.paths import RouteMatcher
from wardgate.cli.context import World, with_world
from wardgate.cli.doctor_exchange import exchange_report
from wardgate.cli.enforced import snapshot_of
from wardgate.cli.failures import Failed
from wardgate.cli.options import IN_FILE, base_url_option, ca_option, read_input
from wardgate.cli.output import Printer, pairs
from wardgate.client import role_headers, trust_context
from wardgate.client.users import read_object
from wardgate.jose import KeyRules, MalformedJWT, UnverifiedJWT, base64url, parse_jwk_set
from wardgate.oauth.access_token import TokenUser, looks_like_ours
from wardgate.refusals import Refusal
from wardgate.security_patterns import access_token
from wardgate.security_patterns.decide import decide
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts, Listener, PresentedCertificate
from wardgate.security_patterns.proof import Proof
from wardgate.security_patterns.snapshot import Snapshot, TokenIssuer
from wardgate.security_patterns.token_kind import by_token, mode_of
from wardgate.server import serving

SOME: Final = "x"
"""Stands for `{name}` and `*` in the path of a route that is tried."""


@click.command("token")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="-")
@click.option("--assertion", type=IN_FILE, default=None, help="Of an ID token: the client assertion that goes with it, for rows 3 to 21.")
@click.option("--app", default=None, metavar="NAME", show_default="whose the assertion is", help="Of an ID token: the application that exchanges it, for row 37.")
@click.option("--role", default=None, metavar="URID", help="Of an access token: the role profile that calls name.")
@click.option("--route", default=None, metavar="PATH", help="Of an access token: try this path alone.")
@click.option("--method", default="GET", show_default=True, help="With --route: the method.")
@click.option("--oauth-path", default="/oauth2", show_default=True, help="Of an ID token: base path of the authorisation server it is brought to.")
@base_url_option
@ca_option
@click.option("--now", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S"]), default=None, help="The server's time in UTC, when it is neither this machine's nor the virtual clock's.")
@with_world
@click.pass_context
def token(
    ctx: click.Context, file: Path, assertion: Path | None, app: str | None, role: str | None, route: str | None, method: str,
    oauth_path: str, base_url: str | None, ca: Path | None, now: datetime | None, world: World, printer: Printer,
) -> None:
    """Check the token in FILE (- is standard input): an access token, or an ID token before it is exchanged.

    An access token: whose it is, by which pattern, how strong the sign-in was, how long it lasts, whether it or its sign-in was ended,
    and which routes take it; those that do not, say why. An ID token: which of the 37 checks of token exchange is the first that fails,
    and what the token endpoint would answer. The exit code is 1 when the token is refused.

    Where there is no installation to look at, an access token is verified with the keys that the environment publishes, and told.
    """
    text = read_input(file, "the token").decode("utf-8", "replace").strip()
    try:
        headers = role_headers(role)
    except ValueError as error:
        raise click.UsageError(f"--role: {error}") from None
    if not text:
        raise Failed("there is no token: the input is empty")
    base_url = (base_url or serving.read(world.data).https).rstrip("/")
    kind = _kind(text)
    if not world.exists:
        data, lines, good = _told_by_keys(text, kind, _moment(now, world.now), base_url + oauth_path, ca)
        printer.answer({"kind": kind, "passed": good, **data}, lines)
        if not good:
            ctx.exit(1)
        return
    snapshot = snapshot_of(world, world.now, base_url)
    moment = _moment(now, world.now + snapshot.clock_shift)
    if kind == "id-token":
        data, lines, good = exchange_report(world, snapshot, text, moment, base_url + oauth_path, assertion, app)
    else:
        data, lines, good = _access(Trial(snapshot, text, moment, headers), route, method.upper())
    printer.answer({"kind": kind, "passed": good, **data}, lines)
    if not good:
        ctx.exit(1)


def _moment(said: datetime | None, otherwise: datetime) -> datetime:
    return said.replace(tzinfo=UTC) if said is not None else otherwise


def _kind(text: str) -> str:
    """Return what a token says it is. Raises `Failed` for what has a doctor of its own."""
    try:
        parsed = UnverifiedJWT.parse(text)
    except MalformedJWT:
        return "access-token" if text.count(".") != 2 else "id-token"
    if looks_like_ours(parsed):
        return "access-token"
    if parsed.claims.get("iss") is not None and parsed.claims.get("iss") == parsed.claims.get("sub"):
        raise Failed("this is a client assertion: wardgate doctor assertion")
    if "events" in parsed.claims:
        raise Failed("this is a logout token, which a provider posts to /backchannel_logout: it is no use elsewhere")
    return "id-token"


def _told_by_keys(text: str, kind: str, now: datetime, issuer: str, ca: Path | None) -> tuple[dict[str, Any], list[str], bool]:
    """Return what an access token says, verified with the published keys. Raises `Failed` for an ID token, and `ClientError`."""
    if kind == "id-token":
        raise Failed("an ID token is checked on an installation, which knows providers and products: name one with --data")
    try:
        claims = UnverifiedJWT.parse(text).claims
    except MalformedJWT:
        claims = {}
    with httpx2.Client(verify=trust_context(ca), timeout=httpx2.Timeout(30.0), trust_env=False) as client:
        keys = read_object(client, f"{issuer}/jwks", {}, now)
    named = TokenIssuer((str(claims.get("iss")),), str(claims.get("aud")), parse_jwk_set(keys, KeyRules()), keys)
    snapshot = Snapshot(0, Environment(name="unknown"), (), {}, {}, {}, named)
    proof = access_token.identify(Trial(snapshot, text, now, {}).facts("GET", "/"), snapshot)
    if isinstance(proof, Refusal):
        return {"token": None, "refusal": _as_json(proof), "routes": None}, ["the gateway refuses this token everywhere", "", *_why(proof)], False
    told = _told(proof, claims, now, known=False)
    return {"token": told, "refusal": None, "routes": None}, [*_told_lines(told), "", "whether it was revoked, and which routes take it, an installation knows: --data"], True


@dataclass(frozen=True, slots=True)
class Trial:
    """An access token, tried on what is enforced now."""

    snapshot: Snapshot
    text: str = field(repr=False)
    now: datetime
    more: Mapping[str, str]

    def facts(self, method: str, path: str, proof: Proof | None = None) -> Facts:
        """Return the request that would carry the token. A token that is bound to a certificate comes with it."""
        headers = {access_token.HEADER: f"Bearer {self.text}", "x-request-id": str(uuid.uuid4())}
        bound = proof.certificate_sha256 if proof is not None else None
        certificate = PresentedCertificate(base64url.decode(bound.encode()).hex(), None) if bound is not None else None
        return Facts(Listener.HTTPS, method, path, headers | {name.lower(): value for name, value in self.more.items()}, self.now, certificate)


def _access(trial: Trial, route: str | None, method: str) -> tuple[dict[str, Any], list[str], bool]:
    """Return the report on an access token in both forms, and whether it is good for something."""
    proof = access_token.identify(trial.facts("GET", "/"), trial.snapshot)
    if isinstance(proof, Refusal):
        return {"token": None, "refusal": _as_json(proof), "routes": []}, ["the gateway refuses this token everywhere", "", *_why(proof)], False
    claims = UnverifiedJWT.parse(trial.text).claims
    told = _told(proof, claims, trial.now)
    asked = [(method, route)] if route is not None else list(_requests(trial.snapshot.apis))
    matcher = RouteMatcher(trial.snapshot.apis)
    decisions = [(verb, path, decide(trial.facts(verb, path, proof), trial.snapshot, matcher)) for verb, path in asked]
    lines = [*_told_lines(told), ""]
    lines += [line for verb, path, decision in decisions for line in _route_lines(verb, path, decision, alone=route is not None)]
    routes = [{"method": verb, "path": path, "takes": found.allowed, "refusal": _as_json(found.refusal)} for verb, path, found in decisions]
    taken = any(found.allowed for _, _, found in decisions)
    return {"token": told, "refusal": None, "routes": routes}, [*lines, *([] if taken or route is not None else ["", "no route takes this token"])], taken


def _told_lines(told: Mapping[str, Any]) -> list[str]:
    return pairs([(name.replace("_", " "), str(value)) for name, value in told.items() if value is not None])


def _told(proof: Proof, claims: Mapping[str, Any], now: datetime, *, known: bool = True) -> dict[str, Any]:
    """Return what the token says, except who the user is: the token travels, its reader's screen too."""
    seconds = int(claims["exp"] - now.timestamp())
    user = proof.user
    return {
        "application": proof.application,
        "pattern": _pattern(user),
        "level": user.level if user is not None else "level3 (the application signed)",
        "expires": f"in {seconds} s",
        "sign_in": f"{user.grant}{', which goes on' if known else ''}" if user is not None else None,
        "acts_for_another": "yes" if user is not None and user.actor is not None else None,
        "role": _role(user),
        "bound_to_certificate": proof.certificate_sha256,
        "token_id": proof.jti,
        "scopes": " ".join(proof.scopes or ()),
    }


def _pattern(user: TokenUser | None) -> str:
    if user is None:
        return "application-restricted, signed JWT"
    who = {"healthcare-worker": "a healthcare worker of NHS CIS2", "patient": "a patient of NHS login"}.get(str(mode_of(user)), "a user")
    return f"user-restricted, {'separate (token exchange)' if user.separate else 'combined (authorization code)'}: {who}"


def _role(user: TokenUser | None) -> str | None:
    if user is None or user.patient is not None:
        return None
    if user.role is not None:
        return "one was chosen while signing in"
    return "not known to us: the call names it" if user.roles is None else f"the user has {len(user.roles)}"


def _requests(apis: Sequence[API]) -> Sequence[tuple[str, str]]:
    """Return a request for each route that reads an access token."""
    return [(route.methods[0] if route.methods else "GET", _path(api, route)) for api in apis for route in api.routes if by_token(route)]


def _path(api: API, route: Route) -> str:
    below = "/".join(SOME if part.startswith("{") or part == "*" else part for part in route.path.split("/"))
    return api.base_path + below


def _route_lines(method: str, path: str, decision: Decision, *, alone: bool) -> list[str]:
    """Return a line for one route of many; for the one that was asked about, the whole why."""
    refusal = decision.refusal
    if refusal is None:
        return [f"takes    {method} {path}"]
    line = f"refuses  {method} {path}: {refusal.reason.status} {refusal.reason.code}"
    if alone:
        return [line, "", *_why(refusal)]
    return [f"{line}; needs {refusal.expected}" if refusal.expected else line]


def _why(refusal: Refusal) -> list[str]:
    told = [f"  {name}  {value}" for name, value in (("expected  ", refusal.expected), ("received  ", refusal.received)) if value]
    return [f"{refusal.reason.code}: {refusal.reason.check}: this did not hold", *told, f"  what to do  {refusal.reason.advice}"]


def _as_json(refusal: Refusal | None) -> dict[str, Any] | None:
    if refusal is None:
        return None
    return {"reason": refusal.reason.code, "status": refusal.reason.status, "text": refusal.fill(refusal.reason.text),
            "expected": refusal.expected, "received": refusal.received, "advice": refusal.reason.advice}
