"""What every refusal of a user's sign-in or token must be: the row's words on the wire, its reason in the record, nothing secret in either."""

import json
from typing import Any

from wardgate.refusals import CATALOGUE, Area

KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
SECRET = "SecretOfDemoApp1"
CALLBACK = "https://example.org/callback"


def check(world: Any, name: str, code: str, answer: Any) -> None:
    """Compare the answer, whole, and the record with the row of the catalogue."""
    row = CATALOGUE[code]
    assert answer.code == code, answer.body
    assert answer.headers["cache-control"] == "no-store"
    for header, value in row.headers:
        assert answer.headers[header.lower()].startswith(value.partition("{")[0])
    if answer.status == 302:
        _check_redirect(name, row, answer)
    elif row.status == 405:
        assert (answer.status, answer.body, answer.headers["allow"]) == (405, b"", "GET")
    elif row.area is Area.GATEWAY:
        assert (answer.status, answer.json) == (row.status, {"fault": {"faultstring": row.text, "detail": {"errorcode": row.error}}})
    else:
        assert answer.status == (400 if row.status == 302 else row.status)
        assert list(answer.json) == ["error", "error_description", "message_id"]
        assert (answer.json["error"], answer.json["error_description"]) == (row.error, row.text)
    _check_record(world, code, answer)


def _check_redirect(name: str, row: Any, answer: Any) -> None:
    assert answer.location == CALLBACK
    told = answer.query
    if row.code == "provider-refused":
        signs = name.endswith("in signs")
        assert told == {"state": "1234567890", "error": "server_error" if signs else "access_denied",
                        **({} if signs else {"error_description": "ConsentNotGiven"})}
        return
    assert row.status == 302
    state = {} if row.code == "state-missing" else {"state": "1234567890"}
    assert told == {"error": row.error, "error_description": row.text, **state}
    assert "%20" in answer.headers["location"]
    assert answer.headers["referrer-policy"] == "no-referrer"


def _check_record(world: Any, code: str, answer: Any) -> None:
    event = world.events()[-1]
    assert (event["outcome"], event["reason"]) == ("refused", code)
    if answer.body and answer.headers["content-type"] == "application/json" and b"message_id" in answer.body:
        assert event["message_id"] == answer.json["message_id"]
    written = json.dumps(world.events())
    for secret in (KEY, SECRET, world.cis2.client_secret, "9912003071", "9912003072", "555000000101", *world.cis2.access_tokens):
        assert secret not in written
        assert secret not in answer.body.decode()
