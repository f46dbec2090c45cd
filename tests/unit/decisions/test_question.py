"""Envoy's question to facts."""

from datetime import UTC, datetime

import pytest

from wardgate.decisions.question import Question, facts_of, headers_of
from wardgate.pki.errors import MalformedXFCC
from wardgate.security_patterns.decide import GIVEN_REQUEST_ID
from wardgate.security_patterns.facts import Facts, Listener

NOW = datetime(2026, 11, 21, tzinfo=UTC)
HASH = "ab" * 32


def facts(target: str = "/decide/hello/a%20b?x=1", **headers: str) -> Facts:
    """Return the facts of a question."""
    return facts_of(Question("GET", target, {name.replace("_", "-"): value for name, value in headers.items()}), NOW)


def test_repeated_headers_are_joined() -> None:
    """By commas, in order, under the lower-case name (RFC 9110 section 5.3); odd octets survive."""
    assert headers_of([(b"A", b"1"), (b"b", b"\xe9"), (b"a", b"2")]) == {"a": "1,2", "b": "\xe9"}


def test_the_path_is_the_request_s() -> None:
    """Percent-encoding is kept, the query is not, and the prefix of the question is taken away once."""
    assert facts().path == "/hello/a%20b"
    assert facts("/decide/decide/x").path == "/decide/x"


def test_the_query_is_a_fact_of_its_own() -> None:
    """As it came, without its question mark."""
    assert facts("/decide/a?x=1&y=%20").query == "x=1&y=%20"
    assert facts("/decide/a").query == ""


@pytest.mark.parametrize(("headers", "length"), [
    ({"content_length": "0"}, None), ({}, None), ({"content_length": "0", "x_wardgate_given_content_length": "12"}, "12"),
    ({"content_length": "1"}, "1"), ({"content_length": "1", "x_wardgate_given_content_length": "12"}, "12"), ({"x_wardgate_given_content_length": "0"}, None),
])  # fmt: skip
def test_the_length_is_that_of_the_request(headers: dict[str, str], length: str | None) -> None:
    """Not of the question, which has the first byte at most; of a body without a length that byte counts, and no length is none."""
    assert facts(**headers).headers.get("content-length") == length


def test_the_listener_is_what_the_door_wrote() -> None:
    """Without it, the port of everybody."""
    assert facts().listener is Listener.HTTPS
    assert facts(x_wardgate_listener="mtls").listener is Listener.MTLS


def test_a_made_up_request_id_is_not_the_caller_s() -> None:
    """What the caller did not send is empty, although Envoy has put an id in its place."""
    assert facts(x_request_id="made-up").headers[GIVEN_REQUEST_ID] == ""
    assert facts(x_request_id="made-up", x_wardgate_given_request_id="bad").headers[GIVEN_REQUEST_ID] == "bad"


@pytest.mark.parametrize(("xfcc", "name"), [
    (f'Hash={HASH};Subject="CN=a.nhs.uk";DNS=a.nhs.uk', "a.nhs.uk"), (f'Hash={HASH};Subject="CN=a.nhs.uk"', "a.nhs.uk"),
    (f'Hash={HASH};Subject="O=x,CN=a.nhs.uk"', None), (f'Hash={HASH};Subject="O=x\\,CN=a.nhs.uk"', None), (f'Hash={HASH};Subject="O=x"', None),
    (f"Hash={HASH};DNS=a.nhs.uk;DNS=b.nhs.uk", None), (f'Hash={HASH};Subject="CN=a.nhs.uk,CN=b.nhs.uk"', None),
])
def test_the_certificate_and_its_name(xfcc: str, name: str | None) -> None:
    """The one DNS name, or the CN that is the whole subject; several names are none."""
    certificate = facts(x_wardgate_listener="mtls", x_forwarded_client_cert=xfcc).certificate
    assert certificate is not None
    assert (certificate.fingerprint, certificate.name) == (HASH, name)


def test_a_certificate_counts_on_its_own_port_only() -> None:
    """On another port the header cannot be Envoy's."""
    assert facts(x_forwarded_client_cert=f"Hash={HASH};DNS=a.nhs.uk").certificate is None
    assert facts(x_wardgate_listener="mtls").certificate is None


def test_a_certificate_that_cannot_be_read_stops_the_question() -> None:
    """Envoy turns an error of this service into a refusal, so nothing is admitted on a guess."""
    with pytest.raises(MalformedXFCC):
        facts(x_wardgate_listener="mtls", x_forwarded_client_cert="Hash=short")
