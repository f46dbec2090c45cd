"""What every refusal of a user's sign-in or token must be: the row's words on the wire, whole, and its reason in the record."""

import json
from typing import Any

from user_rows.place import CALLBACK, STATE, Answer, Place
from wardgate.refusals import CATALOGUE, Area

SIGNS = {"error": "server_error"}
CONSENT = {"error": "access_denied", "error_description": "ConsentNotGiven"}


def check(place: Place, name: str, code: str, answer: Answer) -> None:
    """Compare the answer, whole, and the record with the row of the catalogue."""
    row = CATALOGUE[code]
    assert answer.code == code, (answer.status, answer.headers, answer.body)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    for header, value in row.headers:
        assert answer.headers[header.lower()] == value.replace("{error}", row.error).replace("{text}", row.text).replace("{scheme}", "Basic")
    if answer.status == 302:
        _check_redirect(name, row, answer)
    elif not row.error:
        assert (answer.status, answer.body, answer.headers["content-type"]) == (row.status, b"", "text/plain")
    elif row.area is Area.GATEWAY:
        assert (answer.status, answer.json) == (row.status, {"fault": {"faultstring": row.text.replace("{scheme}", "Basic"), "detail": {"errorcode": row.error}}})
    else:
        assert answer.status == (400 if row.status == 302 else row.status)
        assert answer.headers["content-type"] == "application/json"
        text = row.text.replace("{parameter}", name.partition(" ")[0])
        assert answer.json == {"error": row.error, "error_description": text, "message_id": answer.json["message_id"]}
    (event,) = [event for event in place.events_of(answer) if event["outcome"] == "refused"]
    assert event["reason"] == code
    if b"message_id" in answer.body:
        assert event["message_id"] == answer.json["message_id"]
    _nothing_secret(place, json.dumps(event) + answer.body.decode())


def _check_redirect(name: str, row: Any, answer: Answer) -> None:
    """user-restricted 4.1: to the registered URL, every value percent-encoded, `state` as it was sent."""
    assert answer.location == CALLBACK
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.body == b""
    told = answer.query
    told.pop("iss", None)
    state = {} if row.code == "state-missing" else {"state": STATE}
    if row.code == "provider-refused":
        assert told == (SIGNS if "in signs" in name else CONSENT) | state
        return
    assert row.status == 302
    assert told == {"error": row.error, "error_description": row.text, **state}
    assert "%20" in answer.headers["location"]


def secrets_of(place: Place) -> list[str]:
    """Return what must be in no record, log or refusal: secrets, tokens, and who the users are."""
    workers = [place.cis2.person["sub"], place.cis2.userinfo["sub"]]
    patients = ["9912003071", "9912003072", place.nhs_login.person["sub"]]
    return [place.identifier(), place.secret(), place.cis2.client_secret, *place.cis2.access_tokens, *place.nhs_login.access_tokens,
            *place.cis2.codes, *workers, *patients]


def _nothing_secret(place: Place, written: str) -> None:
    for secret in secrets_of(place):
        assert secret not in written
