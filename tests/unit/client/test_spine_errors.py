"""Refusals of Spine as types, by code alone."""

import json
import ssl
from typing import Any

import httpx2
import pytest

from wardgate.client import spine_errors as errors
from wardgate.client.spine_errors import BY_CODE, certificate_alert, raise_for_spine_error, spine_error
from wardgate.refusals import CATALOGUE, Refusal
from wardgate.refusals.operation_outcome import PROXY, SPINE_STU3, Issue, as_xml, outcome
from wardgate.refusals.secure_proxy import SECURE_PROXY
from wardgate.refusals.spine_codes import SPINE_CODES


def answer(status: int, code: str, text: str = "said", *, xml: bool = False, form: Any = SPINE_STU3) -> httpx2.Response:
    """Return an answer in the form of Spine."""
    body = outcome(form, [Issue("error", "invalid", code, text, text)], "an-id")
    return httpx2.Response(status, content=as_xml(body) if xml else json.dumps(body).encode(), headers={"X-Request-ID": "r", "X-Wardgate-Reason": "why"})


@pytest.mark.parametrize("xml", [False, True], ids=["json", "xml"])
@pytest.mark.parametrize("code", sorted(SPINE_CODES))
def test_every_code_has_its_type(clock: Any, code: str, xml: bool) -> None:
    """A published code gives its own type, in JSON and XML; one without a type the root of them."""
    status = SPINE_CODES[code].status
    error = spine_error(answer(max(status, 400), code, xml=xml), clock.now())
    assert type(error) is BY_CODE.get(code, errors.SpineAPIError)
    assert (error.spine_code, error.text, error.explain_id, error.reason) == (code, "said", "r", "why")


def test_both_spellings_of_a_code_are_one(clock: Any) -> None:
    """`ACCESS DENIED`, as the code system has it, is `ACCESS_DENIED`."""
    error = spine_error(answer(403, "ACCESS DENIED"), clock.now())
    assert isinstance(error, errors.AccessDenied)
    assert error.spine_code == "ACCESS_DENIED"


def test_words_do_not_count(clock: Any) -> None:
    """Diagnostics that speak of something else change nothing."""
    assert type(spine_error(answer(400, "BAD_REQUEST", "ASID_CHECK_FAILED_MESSAGESENDER_1"), clock.now())) is errors.BadRequest


PROXY_TYPES = {
    "ssp-sender-not-accredited": errors.SSPSenderCheckFailed, "ssp-receiver-unknown": errors.SSPReceiverCheckFailed,
    "ssp-receiver-lacks-interaction": errors.SSPReceiverCheckFailed, "ssp-no-sharing-rule": errors.SSPSharingCheckFailed,
    "ssp-endpoint-varies": errors.SSPEndpointVaries, "ssp-endpoint-unreachable": errors.SSPEndpointUnreachable,
}


@pytest.mark.parametrize("row", SECURE_PROXY, ids=lambda row: row.code)
def test_the_proxys_faults_have_their_types(clock: Any, row: Any) -> None:
    """Its code is the status; the text begins with the name of the fault."""
    text = Refusal(row, values=dict.fromkeys(row.placeholders, "200000000115")).fill(row.text)
    error = spine_error(answer(row.status, str(row.status), text, form=PROXY), clock.now())
    assert type(error) is PROXY_TYPES.get(row.code, errors.SpineAPIError)
    assert isinstance(error, errors.ASIDCheckFailed) == ("sender-not" in row.code or "receiver" in row.code)


@pytest.mark.parametrize("status", [495, 496])
def test_a_certificate_status_is_one_error(clock: Any, status: int) -> None:
    """495 and 496 are the certificate's fault, whatever the body is."""
    for response in (answer(status, "BAD_REQUEST"), httpx2.Response(status, content=b"<html/>")):
        with pytest.raises(errors.ClientCertificateRejected) as raised:
            raise_for_spine_error(response, clock.now())
        assert raised.value.status == status
        assert raised.value.refusal is not None
        assert raised.value.explain_id == response.headers.get("X-Request-ID")


def test_other_shapes_stay_what_they_are(clock: Any) -> None:
    """A fault of the gateway, or a page, is an `APIError`; below 400 there is none."""
    fault = httpx2.Response(401, json={"fault": {"faultstring": "Invalid access token", "detail": {"errorcode": "x"}}})
    assert spine_error(fault, clock.now()).shape == "fault"  # type: ignore[union-attr]
    assert spine_error(httpx2.Response(500, content=b"<html>"), clock.now()).shape == "none"  # type: ignore[union-attr]
    good = httpx2.Response(200)
    assert raise_for_spine_error(good, clock.now()) is good


def ssl_error(reason: str) -> ssl.SSLError:
    """Return an error as the TLS library raises it."""
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(("reason", "alert"), [
    ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "certificate_required"), ("TLSV1_ALERT_UNKNOWN_CA", "unknown_ca"),
    ("SSLV3_ALERT_CERTIFICATE_REVOKED", "certificate_revoked"), ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "certificate_expired"),
    ("SSLV3_ALERT_HANDSHAKE_FAILURE", "handshake_failure"), ("TLSV1_ALERT_PROTOCOL_VERSION", None), ("CERTIFICATE_VERIFY_FAILED", None), ("", None),
])
def test_alerts_about_the_certificate_are_told_apart(reason: str, alert: str | None) -> None:
    """An alert below a connection's error is found; our own distrust of the server is something else."""
    outer = httpx2.ReadError("x")
    outer.__cause__ = ssl_error(reason)
    assert certificate_alert(outer) == alert
    assert certificate_alert(None) is None


def test_the_catalogue_has_every_row_that_is_named() -> None:
    """The proxy's rows that have a type exist."""
    assert set(PROXY_TYPES) <= set(CATALOGUE)
