"""The token endpoint (user-restricted 11.4 and 12.4). Numbers are numbers here, unlike at the authorisation server."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from hmac import compare_digest
from json import dumps
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from wardgate.audit.model import EventType, Outcome
from wardgate.identities import User
from wardgate.jose import base64url, sign
from wardgate.oauth.users import ProviderKind
from wardgate.refusals.faults import Moment
from wardgate.standins.authorization_request import OFFLINE
from wardgate.standins.client_authentication import authenticate
from wardgate.standins.clients import Client
from wardgate.standins.codes import Authorized
from wardgate.standins.delegation import EXCHANGE, exchange
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import TokenRefused
from wardgate.standins.faults import carried
from wardgate.standins.id_token import Issue, access_token_claims, claims_of
from wardgate.standins.record import note
from wardgate.standins.surfaces import Surface
from wardgate.standins.wire import BadParameters, form_of, json_answer
from wardgate.stores.ports import KeptEntry

INVALID_GRANT: Final = "idp-grant-invalid"
MAX_GRANT_CHARS: Final = 200
MAX_VERIFIER_CHARS: Final = 128


async def token(deps: StandIns, surface: Surface, request: Request) -> Response:
    """Answer a token request: prove the client, then let its grant do its part. Raises `TokenRefused`."""
    if request.query_params:
        raise TokenRefused.by("idp-parameters-in-address")
    try:
        form = await form_of(request, deps.settings.body_timeout_seconds)
    except BadParameters as bad:
        raise TokenRefused.by("idp-form-malformed", problem=str(bad)) from None
    client = await authenticate(deps, surface, form)
    asked = form.get("grant_type")
    if asked is None:
        raise TokenRefused.by("idp-grant-type-missing")
    grant = GRANTS[surface.kind].get(asked)
    if grant is None:
        raise TokenRefused.by("idp-grant-type-unknown")
    authorized, answer = await grant(deps, surface, client, form)
    await note(deps, EventType.STAND_IN_TOKEN_ISSUED, Outcome.ALLOWED, None, surface, client.client_id, authorized.sign_in.username,
               grant=asked.rpartition(":")[2], sid=authorized.sid)
    return json_answer(answer)


Grant = Callable[[StandIns, Surface, Client, Mapping[str, str]], Awaitable[tuple[Authorized, Mapping[str, Any]]]]


async def _code(deps: StandIns, surface: Surface, client: Client, form: Mapping[str, str]) -> tuple[Authorized, Mapping[str, Any]]:
    """RFC 6749 section 4.1.3: the code of this client, at this provider, for this address, once; RFC 7636 section 4.6."""
    code = form.get("code", "")
    if not code:
        raise TokenRefused.by("idp-code-missing")
    entry = await deps.kept_entry(f"code/{code}") if len(code) <= MAX_GRANT_CHARS else None
    authorized = Authorized.of(entry.body) if entry is not None else None
    if authorized is None or not _is_theirs(deps, authorized, client, surface):
        raise TokenRefused.by(INVALID_GRANT)
    await _meet_fault(deps, surface, authorized)
    if form.get("redirect_uri") != authorized.redirect_uri or not _verifier_fits(authorized.challenge, form.get("code_verifier")):
        raise TokenRefused.by(INVALID_GRANT)
    if await deps.take(f"code/{code}") is None:
        raise TokenRefused.by(INVALID_GRANT)
    return authorized, await _issue(deps, surface, client, authorized, code=code)


def _is_theirs(deps: StandIns, authorized: Authorized, client: Client, surface: Surface) -> bool:
    fits = (authorized.client_id, authorized.base) == (client.client_id, surface.base)
    return fits and not deps.is_ahead(authorized.sign_in.auth_time)


async def _meet_fault(deps: StandIns, surface: Surface, authorized: Authorized) -> None:
    user = deps.identities().person(surface.kind, authorized.sign_in.username)
    await carried(Moment.PROVIDER_TOKEN, surface, user, authorized.fault)


def _verifier_fits(challenge: str | None, verifier: str | None) -> bool:
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    made = base64url.encode(sha256(verifier.encode("utf-8")).digest())
    return 43 <= len(verifier) <= MAX_VERIFIER_CHARS and compare_digest(made, challenge)


async def _refresh(deps: StandIns, surface: Surface, client: Client, form: Mapping[str, str]) -> tuple[Authorized, Mapping[str, Any]]:
    """RFC 6749 section 6: only the latest token is good, for no more scopes than before."""
    text = form.get("refresh_token", "")
    if not text:
        raise TokenRefused.by("idp-refresh-token-missing")
    entry = await deps.kept_entry(f"refresh/{text}") if len(text) <= MAX_GRANT_CHARS else None
    authorized = Authorized.of(entry.body) if entry is not None else None
    if authorized is None or entry is None or not _is_theirs(deps, authorized, client, surface):
        raise TokenRefused.by(INVALID_GRANT)
    await _meet_fault(deps, surface, authorized)
    scopes = tuple(form["scope"].split()) if "scope" in form else authorized.scopes
    if not set(scopes) <= set(authorized.scopes) or "openid" not in scopes:
        raise TokenRefused.by("idp-refresh-scope")
    if await deps.take(f"refresh/{text}") is None:
        raise TokenRefused.by(INVALID_GRANT)
    left = int((entry.until - deps.now()).total_seconds())
    return authorized, await _issue(deps, surface, client, replace(authorized, scopes=scopes), refresh_seconds=left)


async def _issue(
    deps: StandIns, surface: Surface, client: Client, authorized: Authorized, code: str | None = None, refresh_seconds: int | None = None
) -> Mapping[str, Any]:
    user = person_of(deps, surface, authorized.sign_in.username)
    seconds = deps.settings.access_seconds[surface.kind]
    key = await run_in_threadpool(deps.keys[surface.kind].signer, deps.now())
    issue = Issue(surface, authorized, user, int(deps.now().timestamp()), deps.settings.id_token_seconds, deps.identifier(), "",
                  code, f"{deps.identifier()}-{int(deps.now().timestamp())}")
    if user.patient is not None:
        access = sign(access_token_claims(replace(issue, token_id=deps.identifier()), user.patient, seconds), key)
    else:
        access = deps.secret()
    entries = [KeptEntry(f"access/{access}", authorized.as_text(), deps.until(seconds), head=authorized.login)]
    lasts = refresh_seconds if refresh_seconds is not None else deps.settings.refresh_seconds[surface.kind]
    refresh = deps.secret() if _gets_refresh_token(surface, client, authorized) else None
    if refresh is not None:
        entries.append(KeptEntry(f"refresh/{refresh}", authorized.as_text(), deps.until(lasts), head=authorized.login))
    if user.patient is not None:
        entries.append(KeptEntry(f"id-token/{surface.base}/{client.client_id}/{issue.token_id}", authorized.session,
                                 deps.until(deps.settings.id_token_seconds), head=authorized.login))
    if not await deps.keep(*entries, while_kept=authorized.login):
        raise TokenRefused.by(INVALID_GRANT)  # signed out meanwhile
    id_token = sign(claims_of(replace(issue, access_token=access)), key)
    return _answer(surface, authorized, access, refresh, id_token if code is not None or user.patient is None else None, seconds)


def _answer(
    surface: Surface, authorized: Authorized, access: str, refresh: str | None, id_token: str | None, seconds: int
) -> Mapping[str, Any]:
    found: dict[str, Any] = {"access_token": access}
    if refresh is not None:
        found["refresh_token"] = refresh
    found["scope"] = " ".join(authorized.scopes)
    if id_token is not None:  # NHS login gives one with the code only
        found["id_token"] = id_token
    bearer = "Bearer" if surface.kind is ProviderKind.CIS2 else "bearer"
    return {**found, "token_type": bearer, "expires_in": seconds}


def _gets_refresh_token(surface: Surface, client: Client, authorized: Authorized) -> bool:
    """CIS2: when it is asked for (spec README 5, `cis2.refresh_token`); the others always."""
    always = surface.is_realm or surface.kind is ProviderKind.NHS_LOGIN
    return always or client.refresh_tokens or OFFLINE in authorized.scopes


def person_of(deps: StandIns, surface: Surface, username: str) -> User:
    """Return the person a grant is about. Raises `TokenRefused` for one who is no longer known."""
    user = deps.identities().person(surface.kind, username)
    if user is None:
        raise TokenRefused.by(INVALID_GRANT)
    return user


def metadata_entry(client_id: str, username: str) -> str:
    """Return under which id a client's own note about a person is kept (user-restricted 12.6, `client_user_metadata`)."""
    return "metadata/" + dumps([client_id, username])


GRANTS: Final[Mapping[ProviderKind, Mapping[str, Grant]]] = {
    ProviderKind.CIS2: {"authorization_code": _code, "refresh_token": _refresh},
    ProviderKind.NHS_LOGIN: {"authorization_code": _code, "refresh_token": _refresh, EXCHANGE: exchange},
}
