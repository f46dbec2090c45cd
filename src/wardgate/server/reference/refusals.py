"""`refusals.md`: every reason of the catalogue under a heading of its own, which `Reason.anchor` points to."""

from collections.abc import Iterator
from typing import Final

from wardgate.refusals import CATALOGUE, Reason
from wardgate.refusals.reason import Area

INTRODUCTION: Final = """\
# Refusals

Every way to be refused, with what the caller reads, what had to be true, and who can make the next call succeed. A
refusal's code is in the header `X-Wardgate-Reason` of the answer, in the record, and in `wardgate explain ID`, which adds
what was expected and received that time.

The words on the wire depend on the dialect of the API (`errors:` in the [manifest](manifest.md)):

| dialect | shape | the words below are |
|---|---|---|
| `fault` (default) | `{"fault": {"faultstring": …, "detail": {"errorcode": …}}}` | text and error |
| `fhir` | an OperationOutcome, `application/fhir+json` | the line *FHIR* |
| `problem` | RFC 9457 problem details | title: what had to be true; detail: text; type: `urn:wardgate:refusal:<code>` |
| `spine`, `gp-connect`, `ssp` | the OperationOutcomes of Spine, a GP Connect provider and the secure proxy, JSON or XML | the line *FHIR* |
| mailbox server | `{"errorEvent": …, "errorCode": …, "errorDescription": …}`, or in version 2 `{"detail": [{"event": …, "code": …, "msg": …}]}` | error and text |
| token endpoint | `{"error": …, "error_description": …, "message_id": …}` | error and text |

Refusals of a role (`role-…`) are 401 and an OperationOutcome on every API, unless the route's `role_errors` says `plain-text` (400,
the text alone, the header in small letters) or `header` (`role-header-missing` and `role-header-invalid` in the API's shape).
Limits (429) answer with the platform's eight-member body. `{names in braces}` are filled in.
"""
_PROVIDERS: Final = (
    "In the order in which each of their endpoints checks. 302 leaves as a redirect to the client; at the authorization and logout endpoints the "
    "others are pages, elsewhere JSON. Those that never arise by themselves can be [asked for](../how-to/meet-every-error.md)."
)
AREAS: Final = {
    Area.TOKEN_ENDPOINT: ("The authorisation server", "In the order in which the token endpoint checks; then its other endpoints and the profile `strict`."),
    Area.USER_TOKENS: ("Tokens of users", "In the order in which each grant checks: token exchange after the rows of the client assertion above, then secrets, codes and refresh tokens."),
    Area.SIGN_IN: ("Sign-in", "In the order in which each endpoint checks: authorize, callback, userinfo, logout. 302 leaves as a redirect to the application."),
    Area.PROVIDERS: ("The stand-in sign-in providers", _PROVIDERS),
    Area.GATEWAY: ("The gateway", "At an API's routes: API keys, access tokens, scopes, headers, paths."),
    Area.CERTIFICATES: ("Client certificates", "With the listener profile `verify` the caller sees a TLS alert instead of status and text, and the reason is in the record."),
    Area.SPINE: ("Spine", "The Spine JWT in the order of its checks; the same of booking APIs; then headers, ASID, interaction and ownership, and the internet gateway of Reasonable Adjustments."),
    Area.SECURE_PROXY: ("The secure proxy", "In its own shape: the coding is the status, and the text is display and diagnostics."),
    Area.GP_CONNECT: ("GP Connect", "What a provider says of the token, in its own order, and of the interaction."),
    Area.DIRECTORY: ("The system directory", "In the order in which its FHIR API checks. Its OperationOutcome has the correlation id as its id."),
    Area.MESSAGES: ("Messages", "Of seals and of the policy of a workflow, in the order in which a message is opened. Before the text stands the ITK response code that the sender is answered with."),
    Area.MESH: ("Mailboxes", "Of the mailbox server, in the order in which a call is checked. An error table's code stands before its text; the bodies of both versions are itk3-messaging 5.5's."),
    Area.LIMITS: ("Limits", "Every one has `Retry-After` and the RateLimit headers."),
    Area.PLATFORM: ("Size, time and parts that are down", "Nobody's credential is at fault."),
    Area.FAULTS: ("Faults", "What is said to whoever [asks for an error](../how-to/meet-every-error.md) that cannot be had, and what can be had in no other way."),
}
_NEVER_FHIR: Final = frozenset({
    Area.TOKEN_ENDPOINT, Area.USER_TOKENS, Area.SIGN_IN, Area.PROVIDERS, Area.MESSAGES, Area.MESH, Area.FAULTS,
})
_PUBLISHED: Final = ("application-restricted", "user-restricted", "spine", "itk3-messaging", "RFC", "FAPI", "OpenID")


def page() -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION, *(line for area in Area for line in _area(area))]).rstrip() + "\n"


def _area(area: Area) -> Iterator[str]:
    title, sentence = AREAS[area]
    yield from (f"## {title}", "", sentence, "")
    for reason in CATALOGUE.values():
        if reason.area is area:
            yield from _reason(reason)


def _reason(reason: Reason) -> Iterator[str]:
    yield from (f"### `{reason.code}`", "")
    words = [f"`{reason.error}`" if reason.error else "", reason.text]
    yield f"**{reason.status}** " + (" · ".join(word for word in words if word) or "with an empty body")
    yield ""
    yield f"- Had to be true: {reason.check}."
    yield f"- What to do: {reason.advice}."
    yield f"- Who can fix it: the {reason.fixer}."
    if reason.area is Area.SECURE_PROXY:
        yield f"- FHIR: `{reason.fhir_code}` with the text, issue `{reason.fhir_issue}`, severity `{reason.fhir_severity}`."
    elif reason.area not in _NEVER_FHIR and reason.text:
        yield f'- FHIR: `{reason.fhir_code}` "{reason.fhir_display}", issue `{reason.fhir_issue}`, diagnostics "{reason.diagnostics or reason.text}".'
    for name, value in reason.headers:
        yield f"- Header: `{name}: {value}`"
    if reason.source.startswith(_PUBLISHED):
        yield f"- After: {reason.source.partition(';')[0]}."
    yield ""
