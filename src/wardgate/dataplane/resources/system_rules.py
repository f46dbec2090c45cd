"""The last word of a route by ASID: what the maps found, the headers' forms and the interaction, in the order of the rule book.

As in `route_rules`, names are `NN~reason`. Where a sentence names a header, the reason is followed by which (`@trace`), and the
mappers take its name from the route.
"""

from typing import Final

from wardgate.catalogue import API, Route
from wardgate.catalogue.model import RequestIDRule
from wardgate.dataplane.resources.envoy import GIVEN_REQUEST_ID, JSON
from wardgate.dataplane.resources.route_rules import ANY, any_of, header, plain, policy, verdict
from wardgate.dataplane.resources.system_routes import Judged
from wardgate.dataplane.resources.systems import (
    GRANTED,
    GRANTS_PREFIX,
    MAP_PREFIX,
    NOT_OF_ASID,
    OVERLAY_PREFIX,
    UNKNOWN,
    UNLISTED,
)
from wardgate.security_patterns import request_id
from wardgate.spine.headers import NAMES, Family, Names
from wardgate.spine.interactions import MAX_CHARS

ASID_FORM: Final = "[0-9]{12}"
INTERACTION_FORM: Final = rf"[\x21-\x2B\x2D-\x7E]{{1,{MAX_CHARS}}}"
PROXY_REASON: Final = "ssp-header-missing"
"""The one reason that the family of the secure proxy has for a header that is missing or not in its form."""
UNGRANTED: Final = {"spine": "interaction-not-granted", "reference": "interaction-not-granted-reference", "internet": "interaction-not-granted-internet"}
SENDER: Final = "sender"
RECEIVER: Final = "receiver"
INTERACTION: Final = "interaction"
TRACE: Final = "trace"


def rules(api: API, route: Route, judged: Judged, *, api_over_quota: bool) -> JSON:
    """Return the rules of the calls that are judged alike. Raises `ValueError` for an API without `spine`."""
    if api.spine is None:
        raise ValueError("a route by ASID is of an API with `spine`")
    names, proxied = NAMES[api.spine.family], api.spine.family is Family.PROXY
    policies: dict[str, JSON] = {f"01~{NOT_OF_ASID}": policy([_found(NOT_OF_ASID)])}
    policies |= _forms(names, proxied=proxied)
    policies[f"10~{UNKNOWN}"] = policy([_found(UNKNOWN)])
    if names.receiver:
        policies["11~to-asid-not-ours"] = policy([{"not_id": header(names.receiver, {"exact": api.spine.asid})}])
    policies |= _interaction(names, judged)
    policies[f"22~{UNGRANTED[api.spine.ungranted]}"] = policy([{"not_id": verdict(GRANTS_PREFIX, GRANTED)}])
    if api_over_quota:
        policies["30~api-quota-exceeded"] = policy(ANY)
    if request_id.rule(api, route) is RequestIDRule.REQUIRED:
        policies["40~request-id-missing"] = policy([{"not_id": header(GIVEN_REQUEST_ID, present=True)}])
        policies["41~request-id-invalid"] = policy([{"not_id": header(GIVEN_REQUEST_ID, _form(request_id.UUID.pattern))}])
    return plain(policies)


def told(api: API, judged: Judged) -> dict[str, str]:
    """Return what mappers and log are told: the headers' names, and the interaction where only one fits. Raises `ValueError` as `rules`."""
    if api.spine is None:
        raise ValueError("a route by ASID is of an API with `spine`")
    names = NAMES[api.spine.family]
    found = {SENDER: names.sender, RECEIVER: names.receiver, f"{INTERACTION}_header": names.interaction, TRACE: names.trace}
    return found | ({INTERACTION: judged.interactions[0]} if len(judged.interactions) == 1 else {})


def _forms(names: Names, *, proxied: bool) -> dict[str, JSON]:
    """Return the rules about the headers' forms (`spine.headers.read_headers`)."""
    found: dict[str, JSON] = {}
    found[f"02~{f'{PROXY_REASON}@{SENDER}' if proxied else 'from-asid-missing'}"] = policy([{"not_id": header(names.sender, _form(ASID_FORM))}])
    if names.receiver:
        found[f"03~{f'{PROXY_REASON}@{RECEIVER}' if proxied else 'to-asid-missing'}"] = policy([{"not_id": header(names.receiver, _form(ASID_FORM))}])
    wanted = ((names.interaction, INTERACTION, INTERACTION_FORM, names.interaction_optional), (names.trace, TRACE, request_id.UUID.pattern, False))
    for number, (name, which, form, optional) in enumerate(wanted):
        if not name:
            continue
        absent, bad = {"not_id": header(name, present=True)}, {"not_id": header(name, _form(form))}
        missing, invalid = (PROXY_REASON, PROXY_REASON) if proxied else ("spine-header-missing", "spine-header-invalid")
        if not optional:
            found[f"{4 + 2 * number:02}~{missing}@{which}"] = policy([absent])
        found[f"{5 + 2 * number:02}~{invalid}@{which}"] = policy([_all_of([header(name, present=True), bad])])
    return found


def _interaction(names: Names, judged: Judged) -> dict[str, JSON]:
    """Return the rules of `spine.resolve.settle`."""
    found: dict[str, JSON] = {}
    if not judged.interactions:
        return {"20~interaction-unresolved": policy(ANY)}
    if judged.path is not None:
        elsewhere = {"not_rule": {"url_path": {"path": _form(judged.path)}}}
        found["20~interaction-unresolved"] = {"permissions": [elsewhere], "principals": ANY}
    agrees = any_of([header(names.interaction, {"exact": name}) for name in judged.interactions])
    found["21~interaction-disagrees"] = policy([_all_of([header(names.interaction, present=True), {"not_id": agrees}])])
    return found


def _form(regex: str) -> JSON:
    return {"safe_regex": {"regex": regex}}


def _all_of(ids: list[JSON]) -> JSON:
    return {"and_ids": {"ids": ids}}


def _found(reason: str) -> JSON:
    """What the overlay says counts; of what it does not list, what the map says."""
    by_map = _all_of([verdict(OVERLAY_PREFIX, UNLISTED), verdict(MAP_PREFIX, reason)])
    return {"or_ids": {"ids": [by_map, verdict(OVERLAY_PREFIX, reason)]}}
