"""The rows of spine 8.4: the internet gateway of Reasonable Adjustments, which speaks JSON only."""

from collections.abc import Iterator
from typing import Any, Final

from spine_rows.calls import INTERNET, SEARCH
from spine_rows.place import URN
from spine_rows.row import Call, Row, Said

BASE: Final = "/reasonable-adjustments/STU3"
HELP: Final = "Contact us for assistance diagnosing this issue: https://digital.nhs.uk/developer/help-and-support quoting Message ID"
WRITE: Final = INTERNET.but(path=f"{BASE}/Flag", method="POST", body={"resourceType": "Flag"})
UPDATE: Final = INTERNET.but(path=f"{BASE}/Flag/1", method="PUT", body={"resourceType": "Flag"}, headers={"If-Match": 'W/"1"'})


def _bad(name: str, row: str, call: Call, text: str, status: int = 400, **more: Any) -> Row:
    said = {"code": "BAD_REQUEST", "issue": "value"} | more
    return Row(f"internet: {name}", f"ra-{row}", call, Said(status, diagnostics=text, form="internet", **said))


def _rows() -> Iterator[Row]:
    token: dict[str, Any] = {"code": "ACCESS_DENIED", "issue": "forbidden", "headers": {
        "www-authenticate": 'Bearer realm="null",error="invalid_token",error_description="Access token is invalid or expired"'}}
    for name, header in (("no token", None), ("an empty header", ""), ("one word", "Bearer"), ("another scheme", "Basic dTpw"), ("an unknown token", "Bearer x"),
                         ("an unsigned token", "Bearer eyJhbGciOiJub25lIn0.e30.")):
        yield _bad(name, "access-token-invalid", INTERNET.but(authorization=None, headers={"Authorization": header}), "Access token is invalid or expired", 401, **token)
    for name, value in (("no X-Request-ID", None), ("an X-Request-ID that is none", "1234")):
        yield _bad(name, "request-id-invalid", INTERNET.but(headers={"X-Request-ID": value}), "x-request-id is missing or invalid")
    role = "nhsd-session-urid is missing or invalid"
    yield _bad("two roles and none chosen", "session-urid-invalid", INTERNET.but(authorization="Bearer {two roles}"), role)
    yield _bad("somebody else's role", "session-urid-invalid", INTERNET.but(headers={"NHSD-Session-URID": "656014452102"}), role)
    yield _bad("a role that is none", "session-urid-invalid", INTERNET.but(headers={"NHSD-Session-URID": "R8000"}), role)
    for name, call in (("a new flag", WRITE), ("an update", UPDATE)):
        for kind in ("application/json", "application/fhir+xml", "text/plain"):
            yield _bad(f"{name} as {kind}", "content-type-invalid", call.but(headers={"Content-Type": kind}), "content-type must be set to application/fhir+json")
        yield _bad(f"{name} without Content-Type", "content-type-invalid", call.but(headers={"Content-Type": None}), "content-type must be set to application/fhir+json")
        yield _bad(f"{name} without a body", "payload-missing", call.but(body=b"", headers={"Content-Type": "application/fhir+json"}), "requires payload")
    for value in (None, "1", '"1"', "W/1", "*"):
        yield _bad(f"If-Match {value}", "if-match-invalid", UPDATE.but(headers={"If-Match": value}), "if-match is missing or invalid", code="MISSING_OR_INVALID_HEADER")
    missing = "required query parameters are missing or have empty values"
    for path in ("Flag", "Consent", "List", "Flag?patient=9000000009&status=active", f"Consent?{SEARCH.replace('active', '')}", f"List?{SEARCH}"):
        yield _bad(path, "query-invalid", INTERNET.but(path=f"{BASE}/{path}"), missing, 404)
    for method, path in (("GET", "Nothing"), ("GET", "Patient/1"), ("GET", ""), ("DELETE", "Flag"), ("POST", "$other")):
        call = INTERNET.but(path=f"{BASE}/{path}", method=method, **({} if method == "GET" else {"body": {}}))
        yield _bad(f"{method} /{path}", "resource-not-found", call, "Resource Not Found", 404)
    yield _bad("an application without an ASID", "asid-not-configured", INTERNET.but(authorization="Bearer {no asid}"),
               f"An internal server error occurred. Missing ASID. {HELP}", 500)
    yield Row("internet: an ASID without the interaction", "interaction-not-granted", INTERNET.but(authorization="Bearer {ungranted}"),
              Said(403, "ASID_CHECK_FAILED", "forbidden", f"ASID 200000000116 has no {URN}raflags:Flag.read:1", "internet"))


INTERNET_ROWS: Final = tuple(_rows())
