"""Refusals of the Spine Secure Proxy, in its own shape: the text is display and diagnostics, the code is the status (spine 4.4, 8.3).

In the order of spine 11. How the real proxy answers an unknown receiver was never published: `ssp-receiver-unknown` is ours.
"""

from typing import Any, Final

from wardgate.refusals.reason import Area, Fixer, Reason


def _row(code: str, status: int, issue: str, text: str, check: str, advice: str, placeholders: tuple[str, ...] = (), **more: Any) -> Reason:
    return Reason(f"ssp-{code}", Area.SECURE_PROXY, status, str(status), text, check, advice, placeholders=placeholders,
                  source="spine 8.3", fhir_code=str(status), fhir_display=text, fhir_issue=issue, **more)


_RULES: Final = "ask for the rule or the interaction to be approved"

# fmt: off
SECURE_PROXY: Final = (
    _row("method-not-allowed", 405, "not-supported", "405: Method Not Allowed", "the proxy relays this method", "use GET, POST, PUT, PATCH or DELETE",
         fhir_severity="fatal"),
    _row("header-missing", 400, "invalid", "{header} HTTP Header is missing or invalid", "Ssp-TraceID, Ssp-From, Ssp-To and Ssp-InteractionID are there once, in their forms",
         "send the four headers", ("header",)),
    _row("sender-not-accredited", 403, "forbidden", "ASID_CHECK_FAILED_MESSAGESENDER_{sender}", "Ssp-From is a known system that has been granted the interaction",
         "use the ASID of the originating organisation; " + _RULES, ("sender",), fixer=Fixer.PRODUCER),
    _row("receiver-unknown", 403, "forbidden", "ASID_CHECK_FAILED_MESSAGERECEIVER_{receiver}", "Ssp-To is a known system",
         "ask the directory for the receiver's ASID", ("receiver",)),
    _row("receiver-lacks-interaction", 403, "forbidden", "PARTYKEY_INTERACTION_CHECK_FAILED_MESSAGERECEIVER_{receiver}",
         "the receiver's party key has an endpoint for the interaction", "ask the directory who serves the interaction", ("receiver",)),
    _row("no-sharing-rule", 403, "forbidden", "FOT_CHECK_FAILED_MESSAGESENDER_{sender}_MESSAGERECEIVER_{receiver}",
         "a data-sharing rule lets the sender's organisation ask the receiver's", _RULES, ("sender", "receiver"), fixer=Fixer.PRODUCER),
    _row("endpoint-varies", 400, "invalid", "ENDPOINT_{registered}_CPAID_{cpa}_VARIES_FROM_TARGETURL_{target}",
         "the target begins with the endpoint that the directory has for the receiver, byte for byte", "take the endpoint from the directory as it is",
         ("registered", "cpa", "target")),
    _row("media-type", 415, "not-supported", "Unsupported_Media_Type", "the media type is one that the proxy relays", "send FHIR JSON or XML"),
    _row("throttled", 429, "throttled", "Too_Many_Requests", "the caller is within the proxy's limit", "wait as long as X-Rate-Limit-Reset says"),
    _row("endpoint-unreachable", 502, "transient", "ERROR_COMMUNICATING_TO_ENDPOINT_URL_{url}", "the receiver's endpoint answers over mutual TLS",
         "try again at most three times, with longer and longer waits", ("url",), fixer=Fixer.PRODUCER),
    _row("unavailable", 503, "transient", "Service_Unavailable", "the proxy is in service", "try again later", fixer=Fixer.OPERATOR),
    _row("endpoint-timeout", 504, "timeout", "Gateway_Timeout", "the receiver's endpoint answers in time", "try again at most three times", fixer=Fixer.PRODUCER),
)
# fmt: on
