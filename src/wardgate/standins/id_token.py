"""ID tokens, and NHS login's access tokens (user-restricted 11.4, 12.5 and 14). Pure: random parts are parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256, sha512
from typing import Any, Final
from urllib.parse import urlsplit

from wardgate.identities import Patient, User, Worker
from wardgate.jose import base64url
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.authenticators import LEVELS, acr_of, acr_reached
from wardgate.oidc.vectors import LEVELS as PROOFING
from wardgate.oidc.vectors import parse_vtr, sign_in_level
from wardgate.standins.codes import Authorized
from wardgate.standins.surfaces import Endpoint, Surface
from wardgate.standins.userinfo_claims import replaced

PROFILE_SCOPES: Final = frozenset({"profile", "basic_demographics"})


@dataclass(frozen=True, slots=True)
class Issue:
    """What an ID token is made from. `at` is whole seconds since 1970."""

    surface: Surface
    authorized: Authorized
    user: User
    at: int
    lifetime_seconds: int
    token_id: str
    access_token: str
    code: str | None = None
    """Of a code grant only."""
    tracking_id: str = ""

    @property
    def issuer(self) -> str:
        """The issuer the sign-in was begun with."""
        return self.surface.issuer(self.authorized.origin)


def claims_of(issue: Issue) -> dict[str, Any]:
    """Return the claims of an ID token of the provider's kind."""
    worker, patient = issue.user.worker, issue.user.patient
    if worker is not None:
        claims = _cis2(issue, worker)
    elif patient is not None:
        claims = _nhs_login(issue, patient)
    else:
        raise ValueError("a user is a worker or a patient")
    return replaced(claims, issue.user.id_token_claims)


def _cis2(issue: Issue, worker: Worker) -> dict[str, Any]:
    authorized, sign_in = issue.authorized, issue.authorized.sign_in
    authenticator = sign_in.authenticator or worker.authenticators[0]
    assured = worker.identity_assurance_level if sign_in.identity_assurance is None else sign_in.identity_assurance
    claims: dict[str, Any] = {
        "at_hash": half_hash(issue.access_token, issue.surface.kind), "sub": issue.user.username, "auditTrackingId": issue.tracking_id,
        "amr": [authenticator.value], "iss": issue.issuer, "tokenName": "id_token", "aud": authorized.client_id, "azp": authorized.client_id,
    }
    if issue.code is not None:
        claims["c_hash"] = half_hash(issue.code, issue.surface.kind)
    if issue.code is not None and authorized.state is not None:
        claims["s_hash"] = half_hash(authorized.state, issue.surface.kind)
    claims["acr"] = acr_reached(authenticator, authorized.acr_names) or acr_of(authenticator)
    if issue.code is not None and authorized.nonce is not None:
        claims["nonce"] = authorized.nonce
    claims |= {
        "sid": authorized.sid, "auth_time": sign_in.auth_time, "realm": issue.surface.realm_name, "iat": issue.at,
        "exp": issue.at + issue.lifetime_seconds, "jti": issue.token_id, "tokenType": "JWTToken", "id_assurance_level": str(assured),
        "authentication_assurance_level": str(LEVELS[authenticator]),
    }
    return claims if authorized.role is None else claims | {"selected_roleid": authorized.role}


def vot_of(authorized: Authorized) -> str:
    """Return the vector that this sign-in reached."""
    proofing = authorized.sign_in.proofing or PROOFING[0]
    return f"{sign_in_level(proofing, parse_vtr(authorized.vtr))}.{authorized.sign_in.credential}"


def trustmark(surface: Surface, origin: str) -> str:
    """Return where the trustmark is (RFC 8485 section 4); the mock realms have one of their own host as well."""
    path = surface.paths.get(Endpoint.TRUSTMARK, "/trustmark")
    return f"{origin}{surface.base}{path}/{urlsplit(origin).hostname}"


def _nhs_login(issue: Issue, patient: Patient) -> dict[str, Any]:
    authorized, user = issue.authorized, issue.user
    proofing = authorized.sign_in.proofing or patient.identity_proofing_level
    claims: dict[str, Any] = {
        "iss": issue.issuer, "sub": patient.subject, "aud": authorized.client_id, "iat": issue.at, "exp": issue.at + issue.lifetime_seconds,
        "auth_time": authorized.sign_in.auth_time, "jti": issue.token_id,
    }
    if issue.code is not None and authorized.nonce is not None:
        claims["nonce"] = authorized.nonce
    claims |= {"vot": vot_of(authorized), "vtm": trustmark(issue.surface, authorized.origin)}
    claims |= _person(user, patient, proofing, authorized, whole=issue.surface.is_realm)
    return claims | {"token_use": "id"}


def _person(user: User, patient: Patient, proofing: str, authorized: Authorized, *, whole: bool) -> dict[str, Any]:
    """At a mock realm all of it, whatever the scopes and the level: its P0 user has an NHS number (user-restricted 15.1)."""
    asked = PROFILE_SCOPES & set(authorized.scopes)
    if not asked and not whole:
        return {}
    found: dict[str, Any] = {}
    if whole or proofing != PROOFING[0]:
        number = patient.nhs_number if whole or "profile" in asked else None
        known = {"nhs_number": number, "family_name": user.family_name, "surname": user.family_name, "birthdate": patient.birthdate}
        found = {name: value for name, value in known.items() if value}
    return found | {"identity_proofing_level": proofing, "id_status": "verified" if proofing != PROOFING[0] else "unverified"}


def access_token_claims(issue: Issue, patient: Patient, seconds: int) -> dict[str, Any]:
    """Return the claims of NHS login's access token, which is a JWT (user-restricted 12.5)."""
    authorized = issue.authorized
    claims: dict[str, Any] = {
        "iss": issue.issuer, "sub": patient.subject, "aud": authorized.client_id, "iat": issue.at, "exp": issue.at + seconds,
        "auth_time": authorized.sign_in.auth_time, "jti": issue.token_id, "vot": vot_of(authorized),
        "vtm": trustmark(issue.surface, authorized.origin), "scope": " ".join(authorized.scopes), "client_id": authorized.client_id,
        "version": 0, "reason_for_request": "patientaccess",
    }
    if patient.nhs_number is not None:
        claims["requesting_patient"] = patient.nhs_number
    return claims | {"token_use": "access"}


def composite(for_patient: Mapping[str, Any], actor_token: str) -> dict[str, Any]:
    """Return the claims of a delegated ID token: the patient's, and who acts (user-restricted 14)."""
    return {**for_patient, "act": {"sub": actor_token}}


def half_hash(text: str, kind: ProviderKind) -> str:
    """Return the left half of a hash (OpenID Connect Core section 3.1.3.6), by the hash of the signing algorithm."""
    digest = (sha256 if kind is ProviderKind.CIS2 else sha512)(text.encode("utf-8")).digest()
    return base64url.encode(digest[: len(digest) // 2])
