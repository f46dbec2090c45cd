"""Faults that somebody asks for (`refusals.faults`): where they are read, and how the real refusal is raised in their place.

Asked for by the header `Wardgate-Fault`, at any endpoint; by the parameter `wardgate_fault` of an authorization request, when a
header cannot be set: it holds for the whole sign-in, up to its last refresh; or by signing in as a person of the manifest who
has a fault. What was asked for comes before what is really wrong with the request; nothing is used up. The answer is written
by `refuse`, as any other; the record says who asked.

A live environment has no faults: header and parameter mean nothing there.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from wardgate.authserver.authenticate import RateLimited
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import AskedFor, Exchange
from wardgate.authserver.forms import read_form
from wardgate.authserver.rate_limit import used_up
from wardgate.authserver.refuse import HEADER_NAME
from wardgate.authserver.wire import Receive
from wardgate.jose import MalformedJWT, UnverifiedJWT
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.providers import Provider
from wardgate.oauth.users import SignedIn
from wardgate.refusals import reason
from wardgate.refusals.faults import (
    MAX_ASKED_CHARS,
    Endpoint,
    Fault,
    Moment,
    UnknownFault,
    Wanted,
    example_values,
    wanted,
)
from wardgate.security_patterns.snapshot import Snapshot

Back = Callable[[OAuthRefused], OAuthRefused]
"""Makes the refusal that leaves as a redirect."""
_LIMIT: Final = 300
"""Said where the application has no limit."""


async def meet(
    server: AuthServer, exchange: Exchange, snapshot: Snapshot, endpoint: Endpoint, receive: Receive | None = None
) -> None:
    """Take note of the header. Raises `OAuthRefused` with what it asks for, if the endpoint has no later place for that; waits."""
    text = exchange.headers.get(HEADER_NAME)
    if text is None or snapshot.environment.live:
        return
    found = read(text.decode("latin-1"), *(() if endpoint is Endpoint.AUTHORIZE else (endpoint,)))
    exchange.asked = AskedFor(found, "header")
    if found.fault.is_delay and endpoint in found.fault.endpoints:
        await _wait(exchange, found)
        exchange.asked = None
    elif receive is not None:
        with suppress(OAuthRefused):
            _name_application(exchange, snapshot, await read_form(server, exchange, snapshot, receive, parameters_allowed=True))
        settle(server, exchange)


def read(text: str, *endpoints: Endpoint) -> Wanted:
    """Return the fault that a text asks for, which must be one of these endpoints. Raises `OAuthRefused`."""
    try:
        found = wanted(text)
    except UnknownFault as unknown:
        shown = ascii(text[:MAX_ASKED_CHARS])
        raise OAuthRefused("fault-unknown", "the name of a fault", shown, {"hint": unknown.hint}) from None
    if endpoints and not set(endpoints) & set(found.fault.endpoints):
        raise elsewhere(found.fault)
    return found


def elsewhere(fault: Fault) -> OAuthRefused:
    """Return the refusal of a fault that cannot be met here."""
    places = ", ".join(fault.endpoints)
    return OAuthRefused("fault-elsewhere", places, fault.name, {"fault": fault.name, "places": places})


def of_sign_in(server: AuthServer, exchange: Exchange, snapshot: Snapshot, parameter: str | None) -> str | None:
    """Return the fault, as it was asked for, that the sign-in which begins here shall carry; one of this endpoint stays in `exchange`.

    Raises `OAuthRefused` for a fault that a sign-in does not meet, and for one of this endpoint that is not a redirect.
    """
    if snapshot.environment.live:
        return None
    if exchange.asked is None and parameter is not None:
        exchange.asked = AskedFor(read(parameter), "parameter")
    asked = exchange.asked
    if asked is None:
        return None
    fault = asked.wanted.fault
    if fault.reason is not None and Endpoint.AUTHORIZE in fault.endpoints:
        if fault.reason.status != 302:
            settle(server, exchange)
        return None
    if not fault.moments:
        raise elsewhere(fault)
    exchange.asked = None
    return f"{fault.name}; seconds={asked.wanted.seconds:g}" if fault.is_delay else fault.name


def check_provider(fault: str | None, provider: Provider) -> str | None:
    """Return the fault as a stand-in provider is asked for it, None when it is none of a provider's. Raises `OAuthRefused`: a real one has none."""
    if fault is None or not wanted(fault).fault.is_providers:
        return None
    if not provider.stand_in:
        raise elsewhere(wanted(fault).fault)
    return fault


def settle(server: AuthServer, exchange: Exchange, back: Back | None = None) -> None:
    """Raise what was asked for at this endpoint and has not been met yet; `back` makes a redirect of a row that is one."""
    asked = exchange.asked
    if asked is not None and not asked.wanted.fault.is_delay:
        refused = injected(server, exchange, asked)
        raise back(refused) if back is not None and reason(refused.code).status == 302 else refused


async def carried(
    server: AuthServer, exchange: Exchange, moment: Moment, user: SignedIn | None, kept: str | None, back: Back | None = None
) -> None:
    """Raise the fault that a sign-in carries, by its beginning or by its person, if this is its moment; or wait. Raises `OAuthRefused`."""
    if server.clients().environment.live:  # it may have become so since the sign-in began
        return
    for text, by in ((kept, "parameter"), (server.persona_fault(user) if user is not None else None, "persona")):
        if text is None:
            continue
        with suppress(UnknownFault):  # stored by another version, or before the manifest was checked
            found = wanted(text)
            if moment not in found.fault.moments:
                continue
            exchange.asked = AskedFor(found, by)
            if found.fault.is_delay:
                await _wait(exchange, found)
            else:
                settle(server, exchange, back)


def injected(server: AuthServer, exchange: Exchange, asked: AskedFor) -> OAuthRefused:
    """Return the refusal as it is really raised, with values for the placeholders of its text; the record will say who asked."""
    row = reason(asked.wanted.fault.name)
    exchange.injected = row.code
    exchange.details |= {"fault": row.code, "fault_asked_by": asked.by}
    limit = server.settings.requests_per_minute or _LIMIT
    application = exchange.application or "unknown"
    if row.code == "token-rate-limited":
        return RateLimited(application, used_up(limit, exchange.real_at.timestamp()))
    expected, received = row.check, f"the fault {row.code}, asked for by {asked.by}"
    return OAuthRefused(row.code, expected, received, example_values(row, {"application": application}))


async def _wait(exchange: Exchange, found: Wanted) -> None:
    if exchange.asked is not None:
        exchange.details |= {"fault": found.fault.name, "fault_asked_by": exchange.asked.by}
    exchange.injected = found.fault.name
    await asyncio.sleep(found.seconds)


def _name_application(exchange: Exchange, snapshot: Snapshot, form: Mapping[str, str]) -> None:
    """Say in the record whose request it claims to be, as a real refusal would."""
    subject: object = form.get("client_id")
    with suppress(MalformedJWT):
        subject = UnverifiedJWT.parse(form["client_assertion"]).claims.get("sub") if "client_assertion" in form else subject
    key = snapshot.api_keys.get(subject) if type(subject) is str else None
    if key is not None and key.application in snapshot.clients:
        exchange.application = key.application
        exchange.details["credential"] = key.id
