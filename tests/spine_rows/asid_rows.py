"""The rows of spine 4.3, 4.4 and 5.3: certificate, headers and interaction, judged by Envoy alone, by the decision service, and at the secure proxy (8.3)."""

from collections.abc import Iterator
from typing import Any, Final

from spine_rows.calls import (
    ALONE,
    ASKED,
    AT_SURGERY,
    FLAG,
    GP,
    POINTER,
    RELAYED,
    RETRIEVAL,
    SEARCH_PATIENT,
)
from spine_rows.place import (
    BROKEN,
    BROKEN_ROOT,
    CONSUMER,
    DEAD,
    NAMES,
    PROVIDER,
    SLOW,
    STOPPED,
    SURGERY,
    SURGERY_ROOT,
    UNRULED,
    URN,
)
from spine_rows.row import Call, Row, Said

UNKNOWN: Final = "299999999999"
CONDITIONS, LIST_READ = (f"{URN}raflags:{name}:1" for name in ("Condition.read", "List.read"))
PRACTITIONER: Final = f"{URN}gpconnect:fhir:rest:read:practitioner-1"
LIMITED: Final = RELAYED.but(path=f"/rows/ssp-limited/{BROKEN_ROOT}/Slot", headers={"Ssp-To": BROKEN, "Ssp-InteractionID": DEAD})
"""A call that is let through once a minute."""
GUARDS: Final = (("by Envoy alone", ALONE), ("by the decision service", ASKED), ("with a token", FLAG))


def _invalid(name: str, reason: str, call: Call, text: str, form: str = "spine") -> Row:
    return Row(name, reason, call, Said(400, "MISSING_OR_INVALID_HEADER", "invalid", text, form))


def _headers() -> Iterator[Row]:
    """From, To, InteractionID and TraceID: not there, not in their form, not the right ones."""
    for where, call in (*GUARDS, ("pointers", POINTER)):
        from_, to = "fromASID HTTP Header is missing", "toASID HTTP Header is missing"
        yield _invalid(f"{where}: no FromASID", "from-asid-missing", call.but(headers={"FromASID": None}), from_)
        yield _invalid(f"{where}: FromASID of eleven digits", "from-asid-missing", call.but(headers={"FromASID": CONSUMER[:-1]}), from_)
        yield _invalid(f"{where}: FromASID twice", "from-asid-missing", call.but(headers={"FromASID": f"{CONSUMER}, {CONSUMER}"}), from_)
        yield _invalid(f"{where}: FromASID of nobody", "from-asid-unknown", call.but(headers={"FromASID": UNKNOWN}), from_)
        yield _invalid(f"{where}: no ToASID", "to-asid-missing", call.but(headers={"ToASID": None}), to)
        yield _invalid(f"{where}: ToASID of another API", "to-asid-not-ours", call.but(headers={"ToASID": SURGERY}), to)
        if call.claims is None:
            yield _invalid(f"{where}: FromASID of a suspended system", "from-asid-unknown", call.but(headers={"FromASID": STOPPED}), from_)
    for where, call in GUARDS:
        for header, value in (("InteractionID", "not a urn"), ("TraceID", "not-a-uuid")):
            yield _invalid(f"{where}: no {header}", "spine-header-missing", call.but(headers={header: None}), f"{header} HTTP Header is missing")
            yield _invalid(f"{where}: {header} in another form", "spine-header-invalid", call.but(headers={header: value}), f"{header} HTTP Header is invalid")
        disagrees = call.but(headers={"InteractionID": LIST_READ})
        yield _invalid(f"{where}: the interaction of another path", "interaction-disagrees", disagrees, "InteractionID HTTP Header does not match the request")
    yield _invalid("pointers: an interaction that is another", "interaction-disagrees", POINTER.but(headers={"InteractionID": LIST_READ}),
                   "InteractionID HTTP Header does not match the request")
    events = FLAG.but(path="/rows/events/$process-message", method="POST", body={}, headers={"InteractionID": LIST_READ}, claims={"scope": "patient/Bundle.write"})
    yield _invalid("events: the interaction of no event", "interaction-disagrees", events, "InteractionID HTTP Header does not match the request")


def _interactions() -> Iterator[Row]:
    """Unknown, and not granted: the specification's answer and the two that other services give."""
    unresolved = Said(403, "ASID_CHECK_FAILED", "forbidden", "No interaction is known for this request")
    for where, call in (("by the decision service", ASKED.but(path="/rows/asked/Nothing")), ("with a token", FLAG.but(path="/raflags/STU3/Nothing")),
                        ("pointers", POINTER.but(path="/nrl/STU3/Binary/1"))):
        yield Row(f"{where}: a path of no interaction", "interaction-unresolved", call, unresolved)
    yield Row("another method", "interaction-unresolved", POINTER.but(method="PUT", body={}), unresolved)
    answers = {
        "spine": ("interaction-not-granted", Said(403, "ASID_CHECK_FAILED", "forbidden", f"ASID {CONSUMER} has no {CONDITIONS}")),
        "reference": ("interaction-not-granted-reference", Said(403, "ACCESS_DENIED", "invalid", "Invalid Client Connection.")),
        "internet": ("interaction-not-granted-internet", Said(401, "ACCESS_DENIED", "forbidden", "Access has been denied to process this request")),
    }
    for name, (reason, said) in answers.items():
        for guard, call in (("alone", ALONE), ("asked", ASKED)):
            yield Row(f"{guard}: not granted, as {name}", reason, call.but(path=f"/rows/{guard}-{name}/Flag", headers={"InteractionID": CONDITIONS}), said)
    conditions = FLAG.but(path="/raflags/STU3/Condition/1", headers={"InteractionID": CONDITIONS}, claims={"scope": "user/Condition.read"})
    yield Row("with a token: not granted", answers["spine"][0], conditions, answers["spine"][1])
    update = POINTER.but(method="PATCH", body={}, claims={"scope": "patient/DocumentReference.write"})
    yield Row("pointers: not granted", "interaction-not-granted", update,
              Said(403, "ASID_CHECK_FAILED", "forbidden", f"ASID {CONSUMER} has no {URN}nrl:DocumentReference.update"))


def _certificates() -> Iterator[Row]:
    """No certificate, one that is not good, and one of another system (4.4, 5.3): where the listener answers them itself."""
    denied = {"code": "ACCESS_DENIED", "issue": "forbidden"}
    for where, call in (*GUARDS, ("pointers", POINTER), ("gp connect", GP), ("at the proxy", AT_SURGERY)):
        form = "proxy" if call.door == "relay" else "gp-connect" if where == "gp connect" else "spine"
        display = {"display": "Access Denied"}
        for who, status, reason, text in (
            (None, 496, "certificate-missing", "No client certificate was presented"), ("foreign", 495, "certificate-invalid", "The client certificate is not valid"),
            ("revoked", 495, "certificate-revoked", "The client certificate has been revoked"),
        ):  # fmt: skip
            yield Row(f"{where}: certificate of {who or 'nobody'}", reason, call.but(who=who), Said(status, diagnostics=text, form=form, **denied, **display))
        yield Row(f"{where}: certificate of another system", "certificate-not-of-asid", call.but(who="other"),
                  Said(401, diagnostics="Access has been denied to process this request", form=form, **denied))
    yield Row("on the port without certificates", "certificate-missing", FLAG.but(door="https"),
              Said(496, diagnostics="No client certificate was presented", display="Access Denied", **denied))


GP_SHAPES: Final[tuple[tuple[str, str, dict[str, Any], str], ...]] = (
    ("no interaction", "missing", {"headers": {"Ssp-InteractionID": None}}, "Ssp-InteractionID header missing"),
    ("one of another service", "unknown", {"headers": {"Ssp-InteractionID": LIST_READ}}, "InteractionID is not one of this service"),
    ("another method", "method", {"method": "POST", "body": {}}, "InteractionID does not match the HTTP method"),
    ("another resource", "resource", {"path": "/rows/gp/Practitioner/1"}, "InteractionID does not match the resource"),
    ("an operation", "operation", {"path": "/rows/gp/Patient/1/$everything"}, "InteractionID does not match the operation"),
    ("no id", "id-segment", {"path": "/rows/gp/Patient"}, "InteractionID does not match the presence of a resource id"),
    ("a contained resource", "contained", {"path": "/rows/gp/Patient/1/Appointment"}, "InteractionID does not match the contained resource"),
    ("another identifier", "identifier", {"path": "/rows/gp/Patient?identifier=urn:x|1", "headers": {"Ssp-InteractionID": SEARCH_PATIENT}},
     "InteractionID does not match the identifier system"),
)


def _gp_connect() -> Iterator[Row]:
    """The interaction of GP Connect against everything of the request (4.3), and its headers."""
    for name, row, changes, text in GP_SHAPES:
        yield Row(f"gp connect: {name}", f"gp-connect-interaction-{row}", GP.but(**changes), Said(400, "BAD_REQUEST", "invalid", text, "gp-connect"))
    for header in ("Ssp-From", "Ssp-To", "Ssp-TraceID"):
        yield _invalid(f"gp connect: no {header}", "spine-header-missing", GP.but(headers={header: None}), f"{header} HTTP Header is missing", "gp-connect")
    yield _invalid("gp connect: From of nobody", "from-asid-unknown", GP.but(headers={"Ssp-From": UNKNOWN}), "fromASID HTTP Header is missing", "gp-connect")
    yield _invalid("gp connect: To of another", "to-asid-not-ours", GP.but(headers={"Ssp-To": SURGERY}), "toASID HTTP Header is missing", "gp-connect")


def _proxy(name: str, row: str, call: Call, status: int, issue: str, text: str, **more: Any) -> Row:
    return Row(f"proxy: {name}", f"ssp-{row}", call, Said(status, "", issue, text, more.pop("form", "proxy"), **more))


def _secure_proxy() -> Iterator[Row]:
    """Spine 8.3, in the order of spine 11."""
    yield _proxy("OPTIONS", "method-not-allowed", RELAYED.but(method="OPTIONS"), 405, "not-supported", "405: Method Not Allowed", form="proxy-405", severity="fatal",
                 headers={"allow": "GET, POST, PUT, PATCH, DELETE"})
    for header, value in (("Ssp-From", "1"), ("Ssp-To", "1"), ("Ssp-InteractionID", "not a urn"), ("Ssp-TraceID", "1")):
        for given in (None, value):
            yield _proxy(f"{header} {given}", "header-missing", RELAYED.but(headers={header: given}), 400, "invalid", f"{header} HTTP Header is missing or invalid")
    for name, asid, interaction in (("From of nobody", UNKNOWN, None), ("From of a suspended system", STOPPED, None), ("not granted", CONSUMER, PRACTITIONER)):
        headers = {"Ssp-From": asid, **({"Ssp-InteractionID": interaction} if interaction else {})}
        yield _proxy(name, "sender-not-accredited", RELAYED.but(headers=headers), 403, "forbidden", f"ASID_CHECK_FAILED_MESSAGESENDER_{asid}")
    for name, asid in (("To of nobody", UNKNOWN), ("To of a suspended system", STOPPED)):
        yield _proxy(name, "receiver-unknown", RELAYED.but(headers={"Ssp-To": asid}), 403, "forbidden", f"ASID_CHECK_FAILED_MESSAGERECEIVER_{asid}")
    yield _proxy("a receiver that serves nothing", "receiver-lacks-interaction", RELAYED.but(headers={"Ssp-To": PROVIDER}), 403, "forbidden",
                 f"PARTYKEY_INTERACTION_CHECK_FAILED_MESSAGERECEIVER_{PROVIDER}")
    yield _proxy("no rule", "no-sharing-rule", RELAYED.but(headers={"Ssp-To": UNRULED, "Ssp-InteractionID": DEAD}), 403, "forbidden",
                 f"FOT_CHECK_FAILED_MESSAGESENDER_{CONSUMER}_MESSAGERECEIVER_{UNRULED}")
    for target in ("https://elsewhere.example/Patient/1", f"{SURGERY_ROOT}2/Patient/1", "http" + SURGERY_ROOT[5:] + "/Patient/1", SURGERY_ROOT.replace(".uk/", ".uk:443/") + "/Patient/1"):
        yield _proxy(f"the target {target}", "endpoint-varies", RELAYED.but(path=f"/rows/ssp/{target}"), 400, "invalid",
                     f"ENDPOINT_{SURGERY_ROOT}_CPAID_{{cpa}}_VARIES_FROM_TARGETURL_{target}")
    post = RELAYED.but(path=f"/rows/ssp/{SURGERY_ROOT}/Patient/1", method="POST", body=b"x", headers={"Content-Type": "text/plain"})
    yield _proxy("what is no FHIR", "media-type", post, 415, "not-supported", "Unsupported_Media_Type")
    dead = RELAYED.but(path=f"/rows/ssp/{BROKEN_ROOT}/Slot", headers={"Ssp-To": BROKEN, "Ssp-InteractionID": DEAD})
    yield _proxy("nobody listens", "endpoint-unreachable", dead, 502, "transient", f"ERROR_COMMUNICATING_TO_ENDPOINT_URL_https://{NAMES[BROKEN]}")
    slow = RELAYED.but(path=f"/rows/ssp/{BROKEN_ROOT}/Organization/1", headers={"Ssp-To": BROKEN, "Ssp-InteractionID": SLOW})
    yield _proxy("nobody answers in time", "endpoint-timeout", slow, 504, "timeout", "Gateway_Timeout")
    yield _proxy("too many", "throttled", LIMITED, 429, "throttled", "Too_Many_Requests", headers={"x-rate-limit-remaining": "0"})
    yield _proxy("retrieval: a receiver without records", "receiver-lacks-interaction", RETRIEVAL, 403, "forbidden",
                 f"PARTYKEY_INTERACTION_CHECK_FAILED_MESSAGERECEIVER_{SURGERY}")


ASID_ROWS: Final = (*_headers(), *_interactions(), *_certificates(), *_gp_connect(), *_secure_proxy())
