"""The secure proxy: whether one system may ask another, and where the call then goes (spine 8.3, 10, 11).

1. The method is one that is relayed; the certificate is one of the system that the header names (`asid`).
2. The four headers, each once and in its form.
3. The Spine JWT, by the rows of its variant.
4. The sender: known, not suspended, the one of the token, and granted the interaction; then the token's scopes.
5. The receiver: a live system.
6. Its party key has an endpoint for the interaction.
7. A data-sharing rule lets the one ask the other.
8. The target begins with a URL of that endpoint, byte for byte, up to the end of a segment.
9. What is sent is FHIR or at least XML or JSON; the proxy's long quota.

Nothing else is relayed: there is no way to a place that is not in the directory.
"""

from collections.abc import Sequence
from typing import Final

from wardgate.catalogue import API, Route
from wardgate.directory import Endpoint
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns import asid, standing, target
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.inquiry import Inquiry, Step, take
from wardgate.security_patterns.interaction import wanted
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.security_patterns.system_call import Relay
from wardgate.spine.errors import SpineRefused
from wardgate.spine.headers import read_headers
from wardgate.spine.identifiers import shown
from wardgate.spine.interaction_catalogue import endpoint_interaction
from wardgate.spine.response_format import family_of

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITH_A_BODY: Final = ("POST", "PUT", "PATCH")


def judge(facts: Facts, snapshot: Snapshot, api: API, route: Route) -> Decision:
    """Decide a call through the proxy. Call `tls_ma.admit` first."""
    return take(Inquiry(facts, snapshot, api, route, asid.spine_of(api)), STEPS)


def method_refused(method: str) -> Refusal:
    """Return the refusal of a method that no route of the proxy takes."""
    return Refusal(reason("ssp-method-not-allowed"), expected=", ".join(METHODS), received=method)


def method(inquiry: Inquiry) -> None:
    """(1) The method is relayed."""
    if inquiry.facts.method not in METHODS:
        raise SpineRefused(method_refused(inquiry.facts.method))


def headers(inquiry: Inquiry) -> None:
    """(2) Ssp-From, Ssp-To, Ssp-InteractionID and Ssp-TraceID."""
    found = read_headers(inquiry.family, inquiry.facts.headers)
    inquiry.named, inquiry.trace = found.interaction, found.trace


def sender(inquiry: Inquiry) -> None:
    """(4) The sender is accredited: known, in force, granted the interaction."""
    told = inquiry.facts.headers[inquiry.names.sender.lower()]
    system = inquiry.system
    if system is None or system.suspended:
        raise _refused("sender-not-accredited", "a system that is live here", f"ASID {told}, {'unknown' if system is None else 'suspended'}", sender=told)
    asid.of_one_system(inquiry)
    if inquiry.named is None or inquiry.named not in system.interactions:
        raise _refused("sender-not-accredited", "a system with the interaction", f"ASID {told}, which has not been granted it", sender=told)
    inquiry.interaction = inquiry.named
    inquiry.proved.append(f"ASID {told} has been granted {inquiry.interaction}")
    asid.scopes(inquiry, wanted(inquiry.interaction))


def receiver(inquiry: Inquiry) -> None:
    """(5) The receiver is live."""
    told = inquiry.facts.headers[inquiry.names.receiver.lower()]
    system = inquiry.snapshot.systems.get(told)
    if system is None or system.suspended:
        raise _refused("receiver-unknown", "a system that is live here", f"ASID {told}, {'unknown' if system is None else 'suspended'}", receiver=told)


def served(inquiry: Inquiry) -> None:
    """(6) The receiver's party key has the interaction."""
    to = inquiry.receiver or ""
    if not endpoints(inquiry):
        raise _refused("receiver-lacks-interaction", f"an endpoint for {inquiry.interaction}", f"none of ASID {to}", receiver=to)


def shared(inquiry: Inquiry) -> None:
    """(7) A rule lets the one ask the other."""
    directory, to, interaction = inquiry.snapshot.directory, inquiry.receiver or "", inquiry.interaction or ""
    from_ = asid.known(inquiry).asid
    ids = (interaction, endpoint_interaction(interaction))
    if directory is None or not any(directory.may_share(from_, to, one) for one in ids):
        raise _refused("no-sharing-rule", f"a data-sharing rule for {interaction}", f"none from ASID {from_} to ASID {to}", sender=from_, receiver=to)
    inquiry.proved.append(f"a rule lets ASID {from_} ask ASID {to}")


def goes_to(inquiry: Inquiry) -> None:
    """(8) The target is the endpoint's."""
    found = endpoints(inquiry)
    given = inquiry.path
    try:
        wished = target.parse(given, inquiry.facts.query)
    except target.NoTarget as fault:
        raise _varies(found[0], given, f"a target {fault}") from None
    hit = next((one for one in found if any(wished.begins_with(url) for url in one.urls)), None)
    if hit is None:
        raise _varies(found[0], given, "a target elsewhere")
    inquiry.relay = Relay(wished.host, wished.rest, hit.identifier)
    inquiry.proved.append(f"the target is at endpoint {hit.identifier} of {hit.fqdn}")


def media_type(inquiry: Inquiry) -> None:
    """(9) What is sent has a type that is relayed."""
    given = inquiry.facts.headers.get("content-type")
    if inquiry.facts.method in WITH_A_BODY and given is not None and family_of(given) is None:
        raise _refused("media-type", "FHIR JSON or XML", "another media type")


def quota(inquiry: Inquiry) -> None:
    """(9) The proxy's long quota is not used up."""
    refusal = standing.over_quota("", inquiry.api.name, inquiry.snapshot, inquiry.facts.now)
    if refusal is not None:
        raise SpineRefused(Refusal(reason("ssp-throttled"), expected=refusal.expected, received=refusal.received))


def endpoints(inquiry: Inquiry) -> Sequence[Endpoint]:
    """Return where the receiver serves the interaction."""
    system = inquiry.snapshot.systems.get(inquiry.receiver or "")
    if inquiry.snapshot.directory is None or system is None or inquiry.interaction is None:
        return ()
    return inquiry.snapshot.directory.endpoints(party_key=system.party_key, interaction=endpoint_interaction(inquiry.interaction))


def _varies(endpoint: Endpoint, given: str, received: str) -> SpineRefused:
    """NOTE: the target is for the answer only. It may hold what identifies a patient, and is not recorded."""
    registered = endpoint.urls[0] if endpoint.urls else ""
    return _refused("endpoint-varies", f"a target at {registered}", received, registered=registered, cpa=endpoint.cpa_id, target=shown(given.removeprefix("/")))


def _refused(code: str, expected: str, received: str, **values: str) -> SpineRefused:
    return SpineRefused(Refusal(reason(f"ssp-{code}"), expected=expected, received=received, values=values))


STEPS: Final[tuple[Step, ...]] = (
    method, asid.certificate, headers, asid.token, sender, receiver, served, shared, goes_to, media_type, quota,
)  # fmt: skip
