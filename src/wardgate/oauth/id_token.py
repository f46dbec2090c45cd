"""ID tokens (OpenID Connect Core section 2): what a verified one says, and the checks of one that the provider gave us itself.

The second is the combined pattern (user-restricted 4.3 step 3): `check_claims`, then `verify_by` with the provider's keys,
then `check_proof`. `nonce` is sent and compared in the profile `strict`; `auth_time` is not looked at.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from wardgate.jose import JWKSet, UnverifiedJWT
from wardgate.jose.jwk import shown
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.provider_tokens import take_apart, verify_by
from wardgate.oauth.providers import Provider
from wardgate.oauth.users import ProviderKind, SignedIn, level_of

MAX_CLAIM_CHARS: Final = 255
MAX_ROLE_CHARS: Final = 64


def check_external(text: str | None, provider: Provider) -> UnverifiedJWT:
    """Check form, audience and issuer of the ID token our code was redeemed for, in this order. Raises `OAuthRefused`."""
    token = take_apart(text, "id-token-malformed")
    aud = token.claims.get("aud")
    if aud not in (provider.client_id, [provider.client_id]):
        raise OAuthRefused("id-token-aud", f"{provider.client_id}, alone", shown(aud))
    issuer = token.claims.get("iss")
    if type(issuer) is not str or issuer.casefold() != provider.issuer.casefold():
        raise OAuthRefused("id-token-iss", provider.issuer, shown(issuer))
    return token


def verify_external(token: UnverifiedJWT, provider: Provider, keys: JWKSet, now: datetime, nonce: str | None) -> SignedIn:
    """Verify the signature, then the claims that only count when proved, and return who signed in. Raises `OAuthRefused`."""
    proof = verify_by(token, keys, unknown="id-token-kid-unknown", wrong="id-token-signature")
    exp, sub = proof.claims.get("exp"), proof.claims.get("sub")
    if not isinstance(exp, int | float) or isinstance(exp, bool) or now.timestamp() > exp + provider.leeway_seconds:
        raise OAuthRefused("id-token-expired", "exp not before the server's clock", shown(exp))
    if text_of(sub) is None:
        raise OAuthRefused("id-token-subject", f"a sub of at most {MAX_CLAIM_CHARS} characters", "another value")
    given = proof.claims.get("nonce")
    if nonce is not None and given != nonce:
        raise OAuthRefused("id-token-nonce", "the nonce that was sent", "none" if given is None else "another")
    return signed_in(provider, proof.claims)


def signed_in(provider: Provider, claims: Mapping[str, Any], actor: str | None = None) -> SignedIn:
    """Return who a verified ID token says signed in. The user is CIS2's `sub`, NHS login's `nhs_number` (user-restricted 6).

    A claim of another shape than it must have counts as absent. A token without a level, or that names nobody, gets no scopes.
    """
    worker = provider.kind is ProviderKind.CIS2
    subject, number = text_of(claims.get("sub")) or "", None if worker else text_of(claims.get("nhs_number"))
    level = level_of(provider.kind, claims.get("authentication_assurance_level" if worker else "identity_proofing_level"))
    methods = claims.get("amr")
    return SignedIn(
        kind=provider.kind, provider=provider.name, issuer=provider.issuer, subject=subject,
        user=number or subject, level=level if number or subject else None,
        identity_assurance=_level_text(claims.get("id_assurance_level")), acr=text_of(claims.get("acr")),
        amr=tuple(text_of(item) or "" for item in methods[:20]) if isinstance(methods, list) else (),
        role=_selected(claims) if worker else None, session=text_of(claims.get("sid")),
        vot=text_of(claims.get("vot")), actor=actor, mock=provider.mock,
        patient=number,
    )


def text_of(value: Any) -> str | None:
    """Return a claim that is a printable text of a sane length; None for anything else."""
    return value if type(value) is str and 0 < len(value) <= MAX_CLAIM_CHARS and value.isprintable() else None


def _level_text(value: Any) -> str | None:
    return str(value) if type(value) in {str, int} and len(str(value)) <= 2 else None


def _selected(claims: Mapping[str, Any]) -> str | None:
    """Return `selected_roleid` as it stands: an empty or malformed one is for the choice of a role to refuse (user-restricted 8)."""
    if "selected_roleid" not in claims:
        return None
    role = claims["selected_roleid"]
    return role[:MAX_ROLE_CHARS] if type(role) is str else ""
