"""The last word of a route by ASID: what the maps found, the headers' forms and the interaction, in the order of the rule book.

As in `route_rules`, names are `NN~reason`. Where a sentence names a header, the reason is followed by which (`@trace`), and the
mappers take its name from the route (`told`).
"""

from typing import Final

from wardgate.catalogue import API, Route
from wardgate.dataplane.resources.envoy import JSON, PROXIED_SYSTEM
from wardgate.dataplane.resources.route_rules import (
    ANY,
    any_of,
    asked_request_id,
    header,
    plain,
    policy,
    verdict,
)
from wardgate.dataplane.resources.system_routes import Judged
from wardgate.dataplane.resources.systems import (
    GRANTED,
    GRANTS_PREFIX,
    NOT_OF_ASID,
    OVERLAY_PREFIX,
    UNKNOWN,
)
from wardgate.security_patterns.asid import UNGRANTED, spine_of
from wardgate.spine.headers import NAMES, UUID, Names
from wardgate.spine.interactions import MAX_CHARS

ASID_FORM: Final = "[0-9]{12}"
INTERACTION_FORM: Final = rf"[\x21-\x2B\x2D-\x7E]{{1,{MAX_CHARS}}}"
MISSING: Final = "spine-header-missing"
INVALID: Final = "spine-header-invalid"
SENDER: Final = "sender"
RECEIVER: Final = "receiver"
INTERACTION: Final = "interaction"
INTERACTION_HEADER: Final = "interaction_header"
TRACE: Final = "trace"


def rules(api: API, route: Route, judged: Judged, *, api_over_quota: bool) -> JSON:
    """Return the rules of the calls that are judged alike, in the order of `security_patterns.asid`.

    NOTE: of a header that is there twice the maps have been asked with the first value, but a rule sees all of them, joined by
    commas (`bootstrap.RUNTIME`), which is no ASID. So the sender's form comes before what the maps say.

    What is in no map the decision service has judged by now, and nobody but it can have named the system.
    """
    names = NAMES[spine_of(api).family]
    ours, agrees = header(names.receiver, {"exact": spine_of(api).asid}), header(names.interaction, {"exact": judged.interaction or ""})
    policies: dict[str, JSON] = {
        f"01~{_own(names, 'from-asid-missing', SENDER)}": policy([_not_in_form(names.sender, ASID_FORM)]),
        f"02~{NOT_OF_ASID}": policy([verdict(OVERLAY_PREFIX, NOT_OF_ASID)]),
        f"03~{UNKNOWN}": policy([verdict(OVERLAY_PREFIX, UNKNOWN)]),
        f"04~{_own(names, 'to-asid-missing', RECEIVER)}": policy([_all_of([{"not_id": ours}, _not_in_form(names.receiver, ASID_FORM)])]),
        "05~to-asid-not-ours": policy([{"not_id": ours}]),
    }
    if not names.interaction_optional:
        policies[f"06~{MISSING}@{INTERACTION_HEADER}"] = policy([_absent(names.interaction)])
    given = [header(names.interaction, present=True), {"not_id": agrees}]  # NOTE: a form is looked at last: that of an interaction costs most of all rules
    policies[f"07~{INVALID}@{INTERACTION_HEADER}"] = policy([_all_of([*given, _not_in_form(names.interaction, INTERACTION_FORM)])])
    if names.trace:
        policies[f"08~{MISSING}@{TRACE}"] = policy([_absent(names.trace)])
        policies[f"09~{INVALID}@{TRACE}"] = policy([_not_in_form(names.trace, UUID.pattern)])
    policies |= _interaction(judged, _all_of(given))
    policies[f"22~{UNGRANTED[spine_of(api).ungranted]}"] = policy([{"not_id": any_of([verdict(GRANTS_PREFIX, GRANTED), header(PROXIED_SYSTEM, present=True)])}])
    if api_over_quota:
        policies["30~api-quota-exceeded"] = policy(ANY)
    return plain(policies | asked_request_id(api, route))


def told(api: API, judged: Judged) -> dict[str, str]:
    """Return what mappers and log are told: the headers' names, and the interaction."""
    names = NAMES[spine_of(api).family]
    found = {SENDER: names.sender, RECEIVER: names.receiver, INTERACTION_HEADER: names.interaction, TRACE: names.trace,
             "to_asid": spine_of(api).asid or ""}
    return found | ({INTERACTION: judged.interaction} if judged.interaction is not None else {})


def _own(names: Names, code: str, which: str) -> str:
    """A reason that names its header in its own words is for the families that call it so (`spine.headers`)."""
    return code if names.receiver.lower() == "toasid" else f"{MISSING}@{which}"


def _absent(name: str) -> JSON:
    return {"not_id": header(name, present=True)}


def _not_in_form(name: str, form: str) -> JSON:
    return {"not_id": header(name, _form(form))}


def _interaction(judged: Judged, disagrees: JSON) -> dict[str, JSON]:
    """Return the rules of `spine.resolve.settle`."""
    found: dict[str, JSON] = {}
    if judged.interaction is None:
        return {"20~interaction-unresolved": policy(ANY)}
    if judged.path is not None:
        elsewhere = {"not_rule": {"url_path": {"path": _form(judged.path)}}}
        found["20~interaction-unresolved"] = {"permissions": [elsewhere], "principals": ANY}
    found["21~interaction-disagrees"] = policy([disagrees])
    return found


def _form(regex: str) -> JSON:
    return {"safe_regex": {"regex": regex}}


def _all_of(ids: list[JSON]) -> JSON:
    return {"and_ids": {"ids": ids}}
