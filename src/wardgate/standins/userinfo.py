"""Userinfo (user-restricted 11.6 and 12.6; OpenID Connect Core section 5.3)."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from wardgate.jose.strict_json import decode_object
from wardgate.oauth.users import ProviderKind
from wardgate.refusals.faults import Moment
from wardgate.standins.clients import Client, find_client
from wardgate.standins.codes import Authorized
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import BearerRefused
from wardgate.standins.faults import carried
from wardgate.standins.surfaces import Surface
from wardgate.standins.token import metadata_entry
from wardgate.standins.userinfo_claims import claims_of_patient, claims_of_worker, replaced
from wardgate.standins.wire import ALWAYS, NEVER_CACHED, BadParameters, body_of, json_answer
from wardgate.stores.ports import KeptEntry

MAX_TOKEN_CHARS: Final = 8_192
MAX_METADATA_CHARS: Final = 1_024
MAX_PATCH_BYTES: Final = 16_384
METADATA_SECONDS: Final = 10 * 365 * 86_400
INVALID: Final = "idp-token-invalid"


async def userinfo(deps: StandIns, surface: Surface, request: Request) -> Response:
    """Answer what the token's scopes give. Raises `BearerRefused`."""
    authorized, client = await _bearer(deps, surface, request)
    user = deps.identities().person(surface.kind, authorized.sign_in.username)
    if user is None:
        raise BearerRefused.by(INVALID)
    await carried(Moment.PROVIDER_USERINFO, surface, user, authorized.fault)
    if "openid" not in authorized.scopes:
        raise BearerRefused.by("idp-token-without-openid")
    if user.worker is not None:
        assured = authorized.sign_in.identity_assurance
        scopes = authorized.scopes
        level = user.worker.identity_assurance_level if assured is None else assured
        return json_answer(replaced(claims_of_worker(user, user.worker, scopes, level), user.userinfo_claims))
    if user.patient is None:
        raise BearerRefused.by(INVALID)
    kept = await deps.kept_entry(metadata_entry(client.client_id, user.username))
    about = {"im1": client.im1, "client_user_metadata": kept.body if kept is not None else None}
    proofing = authorized.sign_in.proofing or user.patient.identity_proofing_level
    claims = {"iss": surface.issuer(authorized.origin), "aud": client.client_id}
    claims |= claims_of_patient(user, user.patient, authorized.scopes, proofing, about, lambda name: deps.identities().person(surface.kind, name))
    return json_answer(replaced(claims, user.userinfo_claims))


async def change_metadata(deps: StandIns, surface: Surface, request: Request) -> Response:
    """PATCH of NHS login: a client's own note about a person; an empty one clears it, `auto` makes one. Raises `BearerRefused`."""
    authorized, client = await _bearer(deps, surface, request)
    if "client_metadata" not in authorized.scopes:
        raise BearerRefused.by("idp-token-without-metadata")
    try:
        document = decode_object(await body_of(request, deps.settings.body_timeout_seconds, MAX_PATCH_BYTES))
    except (ValueError, BadParameters):
        raise BearerRefused.by("idp-metadata-not-object") from None
    text = document.get("client_user_metadata")
    if set(document) != {"client_user_metadata"} or type(text) is not str or len(text) > MAX_METADATA_CHARS:
        raise BearerRefused.by("idp-metadata-invalid")
    name = metadata_entry(client.client_id, authorized.sign_in.username)
    if text:
        await deps.keep(KeptEntry(name, deps.identifier() if text == "auto" else text, deps.until(METADATA_SECONDS)))
    else:
        await deps.take(name)
    return Response(status_code=204, headers={**ALWAYS, **NEVER_CACHED})


async def _bearer(deps: StandIns, surface: Surface, request: Request) -> tuple[Authorized, Client]:
    """Return what the token stands for (RFC 6750 section 2.1: the header only)."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not 0 < len(text) <= MAX_TOKEN_CHARS:
        raise BearerRefused.by(INVALID)
    entry = await deps.kept_entry(f"access/{text}")
    authorized = Authorized.of(entry.body) if entry is not None else None
    client = find_client(deps, surface, authorized.client_id) if authorized is not None else None
    if authorized is None or client is None or authorized.base != surface.base or deps.is_ahead(authorized.sign_in.auth_time):
        raise BearerRefused.by(INVALID)
    return authorized, client


def refusal(surface: Surface, refused: BearerRefused) -> Response:
    """Return the answer to a token that is not good enough (RFC 6750 section 3)."""
    challenge = f'Bearer error="{refused.error}", error_description="{refused.description}"'
    body = {"error": refused.error} if surface.kind is ProviderKind.CIS2 else {"error": refused.error, "error_description": refused.description}
    headers = {"WWW-Authenticate": challenge} if refused.status in {401, 403} else {}
    return json_answer(body, refused.status, headers)
