"""JSON or XML (spine 3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.spine.response_format import Format, response_format

J, X = Format.JSON, Format.XML


@pytest.mark.parametrize(("query", "accept", "content_type", "expected"), [
    (None, None, None, J), (None, "", None, J), (None, None, "application/fhir+xml; charset=utf-8", X), (None, None, "text/plain", J), ("xml", "application/fhir+json", None, X),
    ("application/fhir json", "application/fhir+xml", None, J), ("application/fhir+json", None, None, J), ("html", "application/fhir+json", None, None), ("", None, None, None),
    (None, "application/fhir+xml", None, X), (None, "application/json+fhir", None, J), (None, "application/xml+fhir;charset=utf-8", None, X), (None, "*/*", "application/fhir+xml", X),
    (None, "text/html, application/fhir+xml;q=0.9, */*;q=0.8", None, X), (None, "application/fhir+xml;q=0.5, application/fhir+json", None, J), (None, "text/html", None, None),
    (None, "application/fhir+json;q=0, application/fhir+xml", None, X), (None, "application/fhir+json;q=x", None, None), (None, "APPLICATION/FHIR+XML", None, X), (None, ",;,", None, None),
])
def test_the_form_of_an_answer(query: str | None, accept: str | None, content_type: str | None, expected: Format | None) -> None:
    """`_format`, then Accept, then what was sent, then the default; only other forms wanted is 415."""
    assert response_format(query, accept, content_type) is expected


def test_the_default_of_a_service() -> None:
    """XML at the record locator."""
    assert response_format(None, None, None, X) is X
    assert response_format(None, "*/*", None, X) is X
    assert response_format(None, None, "application/fhir+json", X) is J


@given(st.none() | st.text(max_size=30), st.none() | st.text(max_size=60), st.none() | st.text(max_size=30))
def test_any_headers(query: str | None, accept: str | None, content_type: str | None) -> None:
    """Something is answered, or nothing fits."""
    assert response_format(query, accept, content_type) in {J, X, None}
