"""ASID and interaction: which system calls, by its certificate and header, and what it may ask for (spine 4.4, 11; spec README rule 26).

1. The certificate: one is there (whether it is good, the door has asked), and its name is the one of a message handler to
   which the header's ASID belongs. Asked when the header names a known system: a missing or unknown one gets its own answer.
2. The Spine JWT, where the route asks for one, by the rows of its variant.
3. From: there, known, not suspended. To: there, and the API's own, or where the API has none a system that is known.
4. The system of the token is the one of the header; GP Connect's token has only an organisation, which the system acts for.
5. The interaction and the trace: there and in form where the family has them; the interaction is the route's, or fits method and path.
6. It has been granted to the system.
7. The token has its scopes.
8. The API's long quota.
"""

from typing import Final

from wardgate.catalogue import API, Route
from wardgate.catalogue.spine import SpineAPI
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns import standing
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.inquiry import Inquiry, Step, take
from wardgate.security_patterns.interaction import Wanted, foreseen, named, settled
from wardgate.security_patterns.register import Register
from wardgate.security_patterns.snapshot import CallingSystem, Snapshot
from wardgate.spine import authorization
from wardgate.spine.checks import check_from_asid, check_scopes
from wardgate.spine.errors import SpineRefused
from wardgate.spine.headers import read_receiver, read_sender, read_trace
from wardgate.spine.interactions import PREFIX
from wardgate.spine.stated import Expected
from wardgate.spine.variants import VARIANTS, ScopeRule

REMOVAL: Final = frozenset({f"{PREFIX}raflags:removerarecord.write:1", f"{PREFIX}raflags:removeflag.write:1"})
"""The interactions of `$removerarecord`, whose scopes a setting is about (spine 12)."""
UNGRANTED: Final = {
    "spine": "interaction-not-granted", "reference": "interaction-not-granted-reference", "internet": "interaction-not-granted-internet",
}
"""The answers for an interaction that was not granted, by `spine.ungranted` of the API."""


def judge(facts: Facts, snapshot: Snapshot, api: API, route: Route) -> Decision:
    """Decide a call of a route by ASID. Call `tls_ma.admit` first."""
    return take(Inquiry(facts, snapshot, api, route, spine_of(api)), STEPS)


def spine_of(api: API) -> SpineAPI:
    """Return how an API knows its callers' systems; the catalogue refuses routes by ASID without it."""
    if api.spine is None:
        raise ValueError("an API with routes by ASID has `spine`")
    return api.spine


def certificate(inquiry: Inquiry) -> None:
    """(1) The certificate is one of the system that the header names (spine 1, 5.2; spec README rule 24)."""
    presented, system = inquiry.facts.certificate, inquiry.system
    if presented is None:
        raise SpineRefused(Refusal(reason("certificate-missing"), expected="a client certificate, on the mutual-TLS port", received="none"))
    if system is None:
        return
    if presented.name not in system.certificate_names:
        raise SpineRefused(Refusal(
            reason("certificate-not-of-asid"), expected=f"the certificate of party key {system.party_key}, which ASID {system.asid} belongs to",
            received=f"the certificate of {presented.name}" if presented.name is not None else "a certificate without a name of its own",
        ))  # fmt: skip
    inquiry.proved.append(f"certificate {presented.name} is of ASID {system.asid}")


def token(inquiry: Inquiry) -> None:
    """(2) The Spine JWT (spine 2.3)."""
    foreseeable = foreseen(inquiry)
    inquiry.interaction = foreseeable.id if foreseeable is not None else None
    if inquiry.route.variant is None:
        return
    spine = inquiry.spine
    expected = Expected(
        VARIANTS[inquiry.route.variant], Register(inquiry.snapshot), foreseeable.known if foreseeable is not None else None, spine.times.rules,
    )  # fmt: skip
    stated = inquiry.stated = authorization.examine(
        inquiry.facts.headers.get("authorization"), expected, inquiry.facts.now, trusted_hop=spine.trusted_hop,
    )  # fmt: skip
    inquiry.proved.append(f"the token states a {stated.caller} caller of {stated.organisation or 'no organisation'}, {stated.reason}")


def sender(inquiry: Inquiry) -> None:
    """(3) The calling system is known and may call."""
    asid = read_sender(inquiry.family, inquiry.facts.headers)
    if inquiry.system is None or inquiry.system.suspended:
        state = "unknown" if inquiry.system is None else "suspended"
        raise SpineRefused(Refusal(reason("from-asid-unknown"), expected="the ASID of a system that is live here", received=f"ASID {asid}, {state}"))


def receiver(inquiry: Inquiry) -> None:
    """(3) The system that is called is this API's, or one that is known."""
    asid = read_receiver(inquiry.family, inquiry.facts.headers)
    own = inquiry.spine.asid
    if asid is not None and (asid != own if own is not None else asid not in inquiry.snapshot.systems):
        raise SpineRefused(Refusal(reason("to-asid-not-ours"), expected=f"ASID {own}" if own else "the ASID of a known system", received=f"ASID {asid}"))
    inquiry.receiver = asid


def of_one_system(inquiry: Inquiry) -> None:
    """(4) The token's system is the header's (spine 2.3 #14). GP Connect's token names none: its organisation is one the system acts for."""
    stated, variant, system = inquiry.stated, inquiry.route.variant, known(inquiry)
    if stated is None or variant is None:
        return
    if not VARIANTS[variant].is_gp_connect:
        check_from_asid(stated, system.asid, VARIANTS[variant].refusals)
    elif stated.organisation not in system.acts_for:
        raise SpineRefused(Refusal(
            reason("gp-connect-jwt-claim-invalid"), expected=f"an organisation that ASID {system.asid} acts for", received=f"ODS code {stated.organisation}",
            values={"claim": "requesting_organization"},
        ))  # fmt: skip


def interaction(inquiry: Inquiry) -> None:
    """(5) to (7) The interaction, granted to the system, and the scopes that it needs."""
    supplied = named(inquiry)
    inquiry.trace = read_trace(inquiry.family, inquiry.facts.headers)
    fitting = settled(inquiry, supplied)
    inquiry.interaction = fitting[0].id
    chosen = next((one for one in fitting if one.id in known(inquiry).interactions), None)
    if chosen is None:
        raise SpineRefused(_ungranted(inquiry, fitting))
    inquiry.interaction = chosen.id
    inquiry.proved.append(f"ASID {known(inquiry).asid} has been granted {chosen.id}")
    scopes(inquiry, chosen)


def _ungranted(inquiry: Inquiry, fitting: tuple[Wanted, ...]) -> Refusal:
    system = known(inquiry)
    return Refusal(reason(UNGRANTED[inquiry.spine.ungranted]), expected="a system with " + " or ".join(one.id for one in fitting),
                   received=f"ASID {system.asid}, which has not been granted it", values={"asid": system.asid, "interaction": fitting[0].id})


def scopes(inquiry: Inquiry, chosen: Wanted) -> None:
    """(7) The token has every scope of the interaction (spine 2.3 #10); of the removal, by setting, one is enough."""
    if inquiry.stated is None or inquiry.route.variant is None or chosen.known is None:
        return
    variant = VARIANTS[inquiry.route.variant]
    if variant.scope_rule is ScopeRule.INCLUDED and not variant.is_gp_connect:
        any_one = chosen.id in REMOVAL and inquiry.spine.remove_scope == "any"
        check_scopes(inquiry.stated, chosen.known, any_one=any_one, refusals=variant.refusals)


def quota(inquiry: Inquiry) -> None:
    """(8) The API's long quota is not used up."""
    if (refusal := standing.over_quota("", inquiry.api.name, inquiry.snapshot, inquiry.facts.now)) is not None:
        raise SpineRefused(refusal)


def known(inquiry: Inquiry) -> CallingSystem:
    """Return the calling system, once `sender` has held."""
    if inquiry.system is None:
        raise ValueError("the sender is asked for first")
    return inquiry.system


STEPS: Final[tuple[Step, ...]] = (certificate, token, sender, receiver, of_one_system, interaction, quota)
