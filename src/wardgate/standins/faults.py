"""Faults of a stand-in provider that somebody asks for (`refusals.faults`), raised as the real refusals are.

Asked for by the header `Wardgate-Fault` at any endpoint, by the parameter `wardgate_fault` of an authorization request, which then
holds for the whole sign-in, or by who signs in: a person of the manifest may have a fault. What is asked for comes before what is
really wrong with a request, and uses nothing up.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from wardgate.identities import User
from wardgate.oauth.users import ProviderKind
from wardgate.refusals import reason
from wardgate.refusals.faults import (
    HEADER,
    PARAMETER,
    Endpoint,
    Fault,
    Moment,
    UnknownFault,
    Wanted,
    example_values,
    wanted,
)
from wardgate.standins.errors import BearerRefused, PageRefused, RedirectRefused, StandInRefused, TokenRefused
from wardgate.standins.surfaces import STEPS, Surface
from wardgate.standins.surfaces import Endpoint as At

PLACES: Final[Mapping[At, Endpoint]] = {
    At.DISCOVERY: Endpoint.PROVIDER_KEYS, At.JWKS: Endpoint.PROVIDER_KEYS, At.TRUSTMARK: Endpoint.PROVIDER_KEYS,
    At.AUTHORIZE: Endpoint.PROVIDER_AUTHORIZE, At.TOKEN: Endpoint.PROVIDER_TOKEN, At.USERINFO: Endpoint.PROVIDER_USERINFO,
    At.LOGOUT: Endpoint.PROVIDER_LOGOUT, At.SMARTCARD: Endpoint.PROVIDER_SIGN_IN, **dict.fromkeys(STEPS, Endpoint.PROVIDER_SIGN_IN),
}
KINDS: Final[Mapping[Endpoint, type[StandInRefused]]] = {
    Endpoint.PROVIDER_AUTHORIZE: PageRefused, Endpoint.PROVIDER_SIGN_IN: PageRefused, Endpoint.PROVIDER_LOGOUT: PageRefused,
    Endpoint.PROVIDER_TOKEN: TokenRefused, Endpoint.PROVIDER_KEYS: TokenRefused, Endpoint.PROVIDER_USERINFO: BearerRefused,
}
"""How each endpoint refuses; a row with status 302 is a redirect."""
MOMENTS: Final = {Moment.PROVIDER: Endpoint.PROVIDER_SIGN_IN, Moment.PROVIDER_TOKEN: Endpoint.PROVIDER_TOKEN,
                  Moment.PROVIDER_USERINFO: Endpoint.PROVIDER_USERINFO}


async def meet(surface: Surface, at: At, request: Request) -> None:
    """Do what the header asks for: refuse, or wait. Raises `StandInRefused`. At the authorization endpoint `of_sign_in` reads it."""
    text = request.headers.get(HEADER)
    if text is not None and at is not At.AUTHORIZE:
        place = PLACES[at]
        found = _read(text, place)
        if place not in found.fault.endpoints:
            raise _elsewhere(found.fault, place)
        await _give(found, place, surface, "header")


async def of_sign_in(surface: Surface, request: Request, parameters: Mapping[str, str]) -> str | None:
    """Return the fault, as it was asked for, that the sign-in shall carry; one of the authorization endpoint is met here.

    Call it when the client and its address are proved. Raises `StandInRefused`.
    """
    text, by = (parameters.get(PARAMETER), "parameter") if HEADER not in request.headers else (request.headers[HEADER], "header")
    if text is None:
        return None
    found = _read(text, Endpoint.PROVIDER_AUTHORIZE)
    if Endpoint.PROVIDER_AUTHORIZE in found.fault.endpoints and (by == "header" or not found.fault.moments or not _is_later(found.fault)):
        await _give(found, Endpoint.PROVIDER_AUTHORIZE, surface, by)
        return None
    if not set(found.fault.moments) & set(MOMENTS):
        raise _elsewhere(found.fault, Endpoint.PROVIDER_AUTHORIZE)
    return text


def _is_later(fault: Fault) -> bool:
    """Outages are of every endpoint; a sign-in that carries one meets it when the code is redeemed."""
    return Moment.PROVIDER not in fault.moments


async def carried(moment: Moment, surface: Surface, user: User | None, kept: str | None) -> None:
    """Do what a sign-in carries, by its beginning or by its person, if this is its moment. Raises `StandInRefused`."""
    for text, by in ((kept, "parameter"), (user.fault if user is not None else None, "persona")):
        if text is None:
            continue
        with suppress(UnknownFault):  # kept by another version
            found = wanted(text)
            if moment in found.fault.moments:
                await _give(found, MOMENTS[moment], surface, by)


def with_headers(answer: Response, refused: StandInRefused) -> Response:
    """Return an answer with the headers of the refusal's row, such as `Retry-After`, and the name of a fault that was asked for."""
    for name, value in refused.headers:
        answer.headers[name] = value
    if refused.asked_by is not None and refused.code is not None:
        answer.headers[HEADER] = refused.code
    return answer


def told(refused: StandInRefused) -> dict[str, str | None]:
    """Return what the record says of a fault that was asked for."""
    return {"fault": refused.code, "fault_asked_by": refused.asked_by} if refused.asked_by is not None else {}


def _read(text: str, place: Endpoint) -> Wanted:
    try:
        return wanted(text)
    except UnknownFault as unknown:
        raise KINDS[place].by("fault-unknown", hint=unknown.hint) from None


def _elsewhere(fault: Fault, place: Endpoint) -> StandInRefused:
    return KINDS[place].by("fault-elsewhere", fault=fault.name, places=", ".join(fault.endpoints))


async def _give(found: Wanted, place: Endpoint, surface: Surface, by: str) -> None:
    if found.fault.is_delay:
        await asyncio.sleep(found.seconds)
        return
    row = reason(found.fault.name)
    kind = RedirectRefused if row.status == 302 else KINDS[place]
    refused = kind.by(row.code, **example_values(row, {}))
    if place is Endpoint.PROVIDER_TOKEN and surface.kind is ProviderKind.NHS_LOGIN and refused.status == 401:
        refused.status = 400  # as its token endpoint answers (user-restricted 12.4)
    refused.asked_by = by
    raise refused
