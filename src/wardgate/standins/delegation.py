"""A composite ID token for somebody who acts for a patient (user-restricted 14): NHS login's part of proxy access.

The published pages say that the client exchanges the token of who signed in; they do not show the request. It is RFC 8693's
here, with Keycloak's `requested_subject` for the patient: the `sub` or NHS number of one of the `delegations`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from wardgate.identities import User
from wardgate.jose import BadSignature, MalformedJWT, UnsuitableKey, UnverifiedJWT, VerifiedJWT, sign, verify
from wardgate.keystores.rsa import public_key
from wardgate.standins.clients import Client
from wardgate.standins.codes import Authorized
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import TokenRefused
from wardgate.standins.id_token import Issue, claims_of, composite
from wardgate.standins.sessions import SignIn
from wardgate.standins.surfaces import Surface

EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - the name of a type


async def exchange(deps: StandIns, surface: Surface, client: Client, form: Mapping[str, str]) -> tuple[Authorized, Mapping[str, Any]]:
    """Return the composite token. Raises `TokenRefused`."""
    if form.get("subject_token_type") != ID_TOKEN or "subject_token" not in form:
        raise TokenRefused.by("idp-exchange-parameters")
    actor_token = form["subject_token"]
    verified = await own_token(deps, surface, actor_token)
    claims = verified.claims if verified is not None else {}
    moment = int(deps.now().timestamp())
    if claims.get("aud") != client.client_id or type(claims.get("exp")) is not int or claims["exp"] <= moment or "act" in claims:
        raise TokenRefused.by("idp-exchange-token")
    actor = _patient(deps, surface, claims.get("sub"))
    patient = _delegator(deps, surface, actor, form.get("requested_subject"))
    if actor is None or patient is None or patient.patient is None:
        raise TokenRefused.by("idp-exchange-denied")
    proofing = str(claims.get("identity_proofing_level", "P0"))[:2]
    credential = str(claims.get("vot", "P0.Cp")).partition(".")[2]
    origin = next(origin for origin in deps.origins() if surface.issuer(origin) == claims["iss"])
    sign_in = SignIn(patient.username, "delegation", int(claims["auth_time"]), credential=credential, proofing=proofing)
    authorized = Authorized(client.client_id, surface.base, origin, "", "", ("openid", "profile"), sign_in, "")
    issue = Issue(surface, authorized, patient, moment, min(deps.settings.id_token_seconds, claims["exp"] - moment), deps.identifier(), "")
    key = await run_in_threadpool(deps.keys[surface.kind].signer, deps.now())
    token = sign(composite(claims_of(issue), actor_token), key)
    answer = {"access_token": token, "issued_token_type": ID_TOKEN, "token_type": "N_A", "expires_in": issue.lifetime_seconds, "id_token": token}
    return replace(authorized, sign_in=replace(sign_in, username=actor.username)), answer


async def own_token(deps: StandIns, surface: Surface, text: str) -> VerifiedJWT | None:
    """Return a token that this provider signed, whatever its age; None for any other."""
    try:
        token = UnverifiedJWT.parse(text)
    except MalformedJWT:
        return None
    issuers = {surface.issuer(origin) for origin in deps.origins()}
    if token.claims.get("iss") not in issuers or token.claims.get("token_use", "id") != "id":
        return None
    for key in await run_in_threadpool(deps.keys[surface.kind].published, deps.now()):
        if key.kid == token.header.get("kid"):
            try:
                return verify(token, public_key(key))
            except (BadSignature, UnsuitableKey):
                return None
    return None


def _patient(deps: StandIns, surface: Surface, subject: object) -> User | None:
    people = deps.identities().people(surface.kind)
    return next((user for user in people if user.patient is not None and user.patient.subject == subject), None)


def _delegator(deps: StandIns, surface: Surface, actor: User | None, wanted: str | None) -> User | None:
    for one in actor.patient.delegations if actor is not None and actor.patient is not None else ():
        user = deps.identities().person(surface.kind, one.for_user)
        if user is not None and user.patient is not None and wanted is not None and wanted in {user.patient.subject, user.patient.nhs_number}:
            return user
    return None
