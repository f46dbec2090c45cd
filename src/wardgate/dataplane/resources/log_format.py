"""What Envoy writes down of every request and of every refused handshake. One JSON object a line.

Never here: paths and queries (they may hold an NHS number), who the user is, credentials, tokens, bodies. `telemetry` reads these lines.
"""

from typing import Final

from wardgate.dataplane.resources.envoy import (
    JSON,
    MESSAGE_ID,
    PROXIED_SCOPE,
    REASON,
    REFUSED_API,
    REFUSED_PATTERN,
    REFUSED_ROUTE,
    State,
    T,
)

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
    """Return the logs of a connection manager: one line a request, a short one when its status is below 400."""
    return [file_log(path, SUCCESS_LINE, _status("LE", 399)), file_log(path, REQUEST_LINE, _status("GE", 400))]


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
