"""What Envoy writes down of every request and of every refused handshake. One JSON object a line.

Never here: who the user is, credentials, tokens, bodies. Paths and queries neither, with one exception: a call between systems
that Envoy judges alone says whose record it is about nowhere else, and `telemetry` reads it from the path. Such a line is not
kept: see `telemetry.tail`. What the decision service knows of a call it hands on encrypted.
"""

from typing import Final

from wardgate.dataplane.resources.envoy import (
    JSON,
    MESSAGE_ID,
    PROXIED_SCOPE,
    REASON,
    RECORD,
    REFUSED_API,
    REFUSED_PATTERN,
    REFUSED_ROUTE,
    State,
    T,
)
from wardgate.dataplane.resources.system_rules import ASID_FORM, RECEIVER, SENDER
from wardgate.dataplane.resources.systems import ASID_OF_KEY, INTERACTION_OF_ROUTE

HANDED_ON: Final = ("envoy.filters.http.ext_authz", RECORD)
"""Where the decision service's answer leaves what is to be recorded: neither the caller nor the backend gets it."""
JUDGED_HERE: Final = ("envoy.filters.http.rbac", "grants_enforced_effective_policy_id")
"""What the last of the maps of systems says of every call that it was asked about."""

REQUEST_LINE: Final[JSON] = {
    "kind": "call",
    "at": "%START_TIME(%s.%3f)%",
    "message_id": f"%REQ({MESSAGE_ID})%",
    "kept_message_id": f"%FILTER_STATE({State.MESSAGE_ID}:PLAIN)%",
    "made_message_id": f"%RESP({MESSAGE_ID})%",
    "request_id": f"%FILTER_STATE({State.REQUEST_ID}:PLAIN)%",
    "correlation_id": f"%FILTER_STATE({State.CORRELATION_ID}:PLAIN)%",
    "pair": f"%FILTER_STATE({State.PAIR}:PLAIN)%",
    "client": "%REQ(x-wardgate-client)%",
    "api": "%METADATA(ROUTE:wardgate:api)%",
    "route": "%METADATA(ROUTE:wardgate:route)%",
    "pattern": "%METADATA(ROUTE:wardgate:pattern)%",
    "callers": "%METADATA(ROUTE:wardgate:callers)%",
    "required_scopes": "%METADATA(ROUTE:wardgate:scopes)%",
    "scopes": f"%REQ({PROXIED_SCOPE})%",
    "jti": f"%FILTER_STATE({State.TOKEN_ID}:PLAIN)%",
    "level": f"%FILTER_STATE({State.LEVEL}:PLAIN)%",
    "method": "%REQ(:METHOD)%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "reason": f"%RESP({REASON})%",
    "refused_api": f"%REQ({REFUSED_API})%",
    "refused_route": f"%REQ({REFUSED_ROUTE})%",
    "refused_pattern": f"%REQ({REFUSED_PATTERN})%",
    "duration_ms": "%DURATION%",
    "received_bytes": "%BYTES_RECEIVED%",
    "sent_bytes": "%BYTES_SENT%",
    "caller": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "fingerprint": "%DOWNSTREAM_PEER_FINGERPRINT_256%",
}

ONLY_ON_REFUSALS: Final = (
    "message_id", "made_message_id", "callers", "required_scopes", "scopes", "flags", "reason", "refused_api", "refused_route", "refused_pattern",
)
"""What `telemetry` needs to tell why a call was refused. A call that succeeded pays for none of it (3 µs of each)."""
SUCCESS_LINE: Final[JSON] = {name: value for name, value in REQUEST_LINE.items() if name not in ONLY_ON_REFUSALS}

DECIDED_LINE: Final[JSON] = {**REQUEST_LINE, "record": f"%DYNAMIC_METADATA({HANDED_ON[0]}:{HANDED_ON[1]})%"}
"""Of a call that the decision service says more of: `audit.handed_on`, sealed."""
def _header_of_family(which: str, form: str) -> str:
    """Return a field with the header that the route says its family has for this, in its form; an expression that fails leaves it out."""
    value = f"request.headers[xds.route_metadata.filter_metadata.wardgate.{which}]"
    return f"%CEL({value}.matches('^{form}$') ? {value} : request.headers['-'])%"


MAX_TARGET_CHARACTERS: Final = 61_440
"""All that the headers of a request can have (`listeners.HEADERS_KB`): a patient's number at the end of a long target is recorded too."""
SYSTEMS_LINE: Final[JSON] = {
    **REQUEST_LINE,
    "from_asid": _header_of_family(SENDER, ASID_FORM),
    "to_asid": _header_of_family(RECEIVER, ASID_FORM),
    "interaction": INTERACTION_OF_ROUTE,
    "trace": f"%FILTER_STATE({State.TRACE}:PLAIN)%",
    "certificate_name": f"%FILTER_STATE({State.CERTIFICATE_NAME}:PLAIN)%",
    "target": f"%REQ(X-ENVOY-ORIGINAL-PATH?:PATH):{MAX_TARGET_CHARACTERS}%",
}
"""Of a call between systems that Envoy judged alone."""
ADMITTED_LINE: Final[JSON] = {
    **{name: value for name, value in SYSTEMS_LINE.items() if name not in ONLY_ON_REFUSALS},
    "from_asid": ASID_OF_KEY, "to_asid": "%METADATA(ROUTE:wardgate:to_asid)%",
}
"""The same of one that was let in, whose headers have their forms."""

HANDSHAKE_LINE: Final[JSON] = {
    "kind": "handshake",
    "at": "%START_TIME(%s.%3f)%",
    "failure": "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
    "fingerprint": "%DOWNSTREAM_PEER_FINGERPRINT_256%",
    "issuer": "%DOWNSTREAM_PEER_ISSUER%",
    "expired": "%DOWNSTREAM_PEER_CERT_V_END%",
    "caller": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
}


def request_logs(path: str) -> list[JSON]:
    """Return the logs of a connection manager: one line a request, a longer one between systems, a short one when its status is below 400."""
    ordinary = [_says(HANDED_ON, present=False), _says(JUDGED_HERE, present=False)]
    return [
        file_log(path, SUCCESS_LINE, {"and_filter": {"filters": [_status("LE", 399), *ordinary]}}),
        file_log(path, REQUEST_LINE, {"and_filter": {"filters": [_status("GE", 400), *ordinary]}}),
        file_log(path, DECIDED_LINE, _says(HANDED_ON, present=True)),
        *(file_log(path, line, {"and_filter": {"filters": [status, _says(JUDGED_HERE, present=True), _says(HANDED_ON, present=False)]}})
          for line, status in ((ADMITTED_LINE, _status("LE", 399)), (SYSTEMS_LINE, _status("GE", 400)))),
    ]


def _says(where: tuple[str, str], *, present: bool) -> JSON:
    """Return the filter of requests that have this dynamic metadata, or have not. NOTE: `invert` is ignored here; a value that is none is asked for."""
    value: JSON = {"present_match": True} if present else {"string_match": {"exact": ""}}
    return {"metadata_filter": {"matcher": {"filter": where[0], "path": [{"key": where[1]}], "value": value}, "match_if_key_not_found": not present}}


def _status(operator: str, code: int) -> JSON:
    return {"status_code_filter": {"comparison": {"op": operator, "value": {"default_value": code, "runtime_key": "wardgate.none"}}}}


def file_log(path: str, line: JSON, log_filter: JSON | None = None) -> JSON:
    """Return a file access log; absent values are left out of the line."""
    config = {
        "@type": T + "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        "path": path,
        "log_format": {"json_format": line, "omit_empty_values": True},
    }
    return {"name": "file", "typed_config": config} | ({"filter": log_filter} if log_filter else {})
