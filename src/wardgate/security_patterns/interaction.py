"""Which interaction a call is: the route's own, the one that the headers name, or the one of method and path (spine 4.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from wardgate.refusals import Refusal, reason
from wardgate.security_patterns.inquiry import Inquiry
from wardgate.spine.errors import SpineRefused, UnknownInteraction
from wardgate.spine.headers import read_interaction
from wardgate.spine.interaction_catalogue import find
from wardgate.spine.interactions import Interaction
from wardgate.spine.resolve import Service, resolve, settle, settle_gp_connect

MAX_PARAMETERS: Final = 100
MAX_QUERY_CHARS: Final = 8_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """An interaction by its id; `known` is its row of the catalogue, from which scopes follow."""

    id: str
    known: Interaction | None


def parameters(query: str) -> Mapping[str, Sequence[str]]:
    """Return the parameters of a query; none where it is longer, or has more of them, than anyone sends."""
    if len(query) > MAX_QUERY_CHARS:
        return {}
    try:
        return parse_qs(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return {}


def wanted(text: str) -> Wanted:
    """Return an interaction by its id, in the catalogue or not."""
    try:
        return Wanted(text, find(text))
    except UnknownInteraction:
        return Wanted(text, None)


def foreseen(inquiry: Inquiry) -> Wanted | None:
    """Return what the interaction will be, as far as it can be told before the headers are checked: a token's scope depends on it."""
    fixed, told = inquiry.route.interaction, inquiry.facts.headers
    if fixed is not None:
        return wanted(fixed)
    supplied = told.get(inquiry.names.interaction.lower()) if inquiry.names.interaction else None
    if inquiry.api.relays:
        found = wanted(supplied) if supplied else None
        return found if found is not None and found.known is not None else None
    if inquiry.spine.service is Service.GP_CONNECT:
        return _foreseen_of_gp_connect(inquiry, supplied)
    fitting = resolve(inquiry.spine.service, inquiry.facts.method, inquiry.path, supplied)
    first = next((row for row in fitting if row.id == supplied), fitting[0] if fitting else None)
    return Wanted(first.id, first) if first is not None else None


def _foreseen_of_gp_connect(inquiry: Inquiry, supplied: str | None) -> Wanted | None:
    try:
        found = settle_gp_connect(inquiry.facts.method, inquiry.path, parameters(inquiry.facts.query), supplied)
    except SpineRefused:
        return None
    return Wanted(found.id, found)


def named(inquiry: Inquiry) -> str | None:
    """Return the interaction that the headers name, in form. Raises `SpineRefused`; GP Connect has words of its own for none (`settled`)."""
    own_words = inquiry.spine.service is Service.GP_CONNECT and inquiry.route.interaction is None
    return read_interaction(inquiry.family, inquiry.facts.headers, optional=own_words)


def settled(inquiry: Inquiry, supplied: str | None) -> tuple[Wanted, ...]:
    """Return the interactions of the call, any one enough. Raises `SpineRefused`."""
    service, facts = inquiry.spine.service, inquiry.facts
    if inquiry.route.interaction is not None:
        return (_fixed(inquiry.route.interaction, supplied),)
    if not inquiry.names.interaction or (supplied is None and inquiry.names.interaction_optional):
        return _derived(inquiry)
    if service is Service.GP_CONNECT:
        found = settle_gp_connect(facts.method, inquiry.path, parameters(facts.query), supplied)
        return (Wanted(found.id, found),)
    return tuple(Wanted(row.id, row) for row in settle(service, facts.method, inquiry.path, supplied))


def _fixed(interaction: str, supplied: str | None) -> Wanted:
    if supplied is not None and supplied != interaction:
        raise SpineRefused(Refusal(reason("interaction-disagrees"), expected=interaction, received="another interaction"))
    return wanted(interaction)


def _derived(inquiry: Inquiry) -> tuple[Wanted, ...]:
    fitting = resolve(inquiry.spine.service, inquiry.facts.method, inquiry.path)
    if not fitting:
        raise SpineRefused(Refusal(reason("interaction-unresolved"), expected="method and path of an interaction", received="others"))
    return tuple(Wanted(row.id, row) for row in fitting)
