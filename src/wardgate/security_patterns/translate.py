"""A user's call over the internet, made a call of the application's system inside: what a translated route checks and adds (spine 3, 8.4).

In the order of the internet gateway of Reasonable Adjustments, and in its words:

1. The access token (`decide`): what is wrong with it is said in one sentence; what it may not do, in the usual ones.
2. X-Request-ID.   3. The role, by `NHSD-Session-URID` and the token (`role`).
4. Of a request that is no GET: its Content-Type, then that it has a body; of an update, If-Match.
5. The parameters of a search, then that method and path are an interaction's.
6. The application has an ASID, and its organisation an ODS code that is known.
7. The system of the ASID is live, and has been granted the interaction.
8. A new Spine JWT, and the headers of the backend's family, in place of the caller's.
"""

import re
from dataclasses import replace
from typing import Final

from wardgate.applications import Profile
from wardgate.catalogue import API, Route
from wardgate.catalogue.model import RequestIDRule
from wardgate.catalogue.spine import SpineAPI, Translation
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns import request_id, role
from wardgate.security_patterns.asid import UNGRANTED, spine_of
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.interaction import parameters
from wardgate.security_patterns.snapshot import CallingSystem, Client, Snapshot
from wardgate.security_patterns.system_call import SystemCall
from wardgate.spine.errors import SpineRefused
from wardgate.spine.headers import headers_for
from wardgate.spine.identifiers import ROLE_SYSTEM
from wardgate.spine.interactions import Interaction
from wardgate.spine.mint import CoreContext, build_spine_jwt
from wardgate.spine.resolve import Service, check_parameters, resolve
from wardgate.spine.stated import Stated
from wardgate.spine.variants import VARIANTS, CallerKind

FHIR_JSON: Final = "application/fhir+json"
UPDATES: Final = ("PUT", "PATCH")
_OF_TOKENS: Final = ("access-token-", "authorization-", "token-type-")
_IF_MATCH: Final = re.compile(r'W/"[^"]{1,64}"')
_CORRELATION: Final = re.compile(r"[\x21-\x7E]{1,128}")


def judge(judged: Decision, facts: Facts, snapshot: Snapshot, api: API, route: Route) -> Decision:
    """Return the decision about a translated call, of which the token has been judged."""
    if not judged.allowed:  # (1)
        return _in_own_words(judged)
    if (refusal := _request(facts, api, route)) is not None:  # (2)
        return _refused(judged, refusal)
    client = snapshot.clients.get(judged.application or "")
    chosen = _role(judged, facts, snapshot, client)  # (3)
    if isinstance(chosen, Refusal):
        return _refused(judged, chosen)
    judged = replace(judged, role=chosen, proved=(*judged.proved, "a role was chosen"))
    try:
        _written(facts)  # (4)
        fitting = _interactions(facts, api)  # (5)
        return _as_system(judged, facts, snapshot, route, client, (spine_of(api), fitting))
    except SpineRefused as refused:
        return _refused(judged, refused.refusal)


def _refused(judged: Decision, refusal: Refusal, call: SystemCall | None = None) -> Decision:
    return replace(judged, allowed=False, refusal=refusal, proved=(), call=call)


def _in_own_words(judged: Decision) -> Decision:
    found = judged.refusal
    if found is None or found.reason.status != 401 or not found.reason.code.startswith(_OF_TOKENS):
        return judged
    return replace(judged, refusal=replace(found, reason=reason("ra-access-token-invalid"), expected=f"{found.reason.check}: {found.expected}"))


def _request(facts: Facts, api: API, route: Route) -> Refusal | None:
    if request_id.rule(api, route) is not RequestIDRule.REQUIRED:
        return None
    fault = request_id.check(facts.headers.get(request_id.GIVEN, facts.headers.get("x-request-id")))
    return replace(fault, reason=reason("ra-request-id-invalid")) if fault is not None else None


def _role(judged: Decision, facts: Facts, snapshot: Snapshot, client: Client | None) -> str | Refusal:
    header = facts.headers.get(role.HEADER)
    chosen = role.choose(role.Wanted(header, judged.user, client.profile if client is not None else Profile.STRICT, snapshot.roles))
    if isinstance(chosen, str):
        return chosen
    return Refusal(reason("ra-session-urid-invalid"), expected="a role of the user", received=f"{chosen.code}: {'a header' if header else 'no header'}")


def _written(facts: Facts) -> None:
    """(4) What is written is FHIR JSON, and is there.

    NOTE: of a body that comes without its length (chunks, HTTP/2) the first byte is in the question, and counts as the length.
    """
    if facts.method == "GET":
        return
    told = facts.headers
    if told.get("content-type", "").partition(";")[0].strip().lower() != FHIR_JSON:
        raise SpineRefused(Refusal(reason("ra-content-type-invalid"), expected=FHIR_JSON, received="another type, or none"))
    if told.get("content-length", "0").strip() in {"", "0"} and not told.get("transfer-encoding"):
        raise SpineRefused(Refusal(reason("ra-payload-missing"), expected="a body", received="none"))
    if facts.method in UPDATES and not _IF_MATCH.fullmatch(told.get("if-match", "")):
        raise SpineRefused(Refusal(reason("ra-if-match-invalid"), expected='W/"version"', received="another value, or none"))


def _interactions(facts: Facts, api: API) -> tuple[Interaction, ...]:
    """(5) The interactions of method and path, any one enough."""
    path, spine = facts.path.removeprefix(api.base_path) or "/", spine_of(api)
    if spine.service is Service.REASONABLE_ADJUSTMENTS:
        check_parameters(facts.method, path, parameters(facts.query))
    found = resolve(spine.service, facts.method, path)
    if not found:
        raise SpineRefused(Refusal(reason("ra-resource-not-found"), expected="method and path of an interaction", received="others"))
    return found


def _as_system(
    judged: Decision, facts: Facts, snapshot: Snapshot, route: Route, client: Client | None, wanted: tuple[SpineAPI, tuple[Interaction, ...]]
) -> Decision:
    """(6) to (8) The call, as the application's own system makes it."""
    spine, fitting = wanted
    if client is None or client.asid is None:
        raise SpineRefused(Refusal(reason("ra-asid-not-configured"), expected="an application with an ASID", received="none"))
    if client.organisation not in snapshot.organisations:
        raise SpineRefused(Refusal(reason("ra-ods-not-configured"), expected="an application of a known organisation", received="another one"))
    system = snapshot.systems.get(client.asid)
    granted = system.interactions if system is not None and not system.suspended else frozenset()
    interaction = next((one for one in fitting if one.id in granted), fitting[0])
    trace = facts.headers.get("x-request-id", "")
    call = SystemCall(sender=client.asid if system is not None else None, receiver=spine.asid, interaction=interaction.id, trace=trace or None,
                      organisations=(client.organisation,))  # fmt: skip
    if interaction.id not in granted:
        return _refused(judged, _ungranted(spine, system, client.asid, interaction), call)
    if route.translate is None or judged.role is None:
        raise ValueError("the route is translated, and a role was chosen")
    context = CoreContext(route.translate.issuer or snapshot.environment.public_urls[0], route.translate.audience, client.asid, client.organisation, judged.role)
    headers = _headers(context, facts, route.translate, spine, interaction)
    proved = (*judged.proved, f"ASID {client.asid} of {judged.application} has been granted {interaction.id}")
    return replace(judged, call=replace(call, headers=headers, stated=_stated(context, route.translate, interaction)), proved=proved)


def _ungranted(spine: SpineAPI, system: CallingSystem | None, asid: str, interaction: Interaction) -> Refusal:
    state = "unknown" if system is None else "suspended" if system.suspended else "which has not been granted it"
    return Refusal(reason(UNGRANTED[spine.ungranted]), expected=f"a live system with {interaction.id}", received=f"ASID {asid}, {state}",
                   values={"asid": asid, "interaction": interaction.id})


def _headers(context: CoreContext, facts: Facts, translation: Translation, spine: SpineAPI, interaction: Interaction) -> dict[str, str]:
    told = facts.headers
    given = told.get("x-correlation-id", "")
    parts = (given if _CORRELATION.fullmatch(given) else "", told.get("x-wardgate-message-id", ""))
    token = build_spine_jwt(VARIANTS[translation.spine_jwt], context, facts.now, interaction)
    return headers_for(translation.headers, token, sender=context.asid, receiver=spine.asid or "", interaction=interaction.id,
                       trace=told.get("x-request-id", ""), correlation=".".join(part for part in parts if part))


def _stated(context: CoreContext, translation: Translation, interaction: Interaction) -> Stated:
    """What the token states: for the record, in the words of those that callers make."""
    user = f"{ROLE_SYSTEM}|{context.role}"
    return Stated(translation.spine_jwt, CallerKind.PROFESSIONAL, context.issuer, context.audience, user, "directcare", interaction.scopes,
                  asid=context.asid, organisation=context.organisation, user=user, role=context.role)
