"""`tls_client_auth`: a token whose proof is the connection's certificate (RFC 8705 section 2)."""

from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from wardgate.client import CertificateAuth, ClientAssertion, ClientCertificate, ClientSecret, TokenRefused

BASE = "https://int.example.nhs.uk"
TOKEN_URL = f"{BASE}/oauth2/token"


def test_the_form_has_the_clients_name_alone(clock: Any) -> None:
    """No secret, no assertion; the token serves until a minute before its end."""
    forms: list[dict[str, list[str]]] = []

    def server(request: httpx2.Request) -> httpx2.Response:
        if str(request.url) == TOKEN_URL:
            forms.append(parse_qs(request.content.decode()))
            return httpx2.Response(200, json={"access_token": "bound", "expires_in": "599", "token_type": "Bearer"})
        return httpx2.Response(200, json={"token": request.headers["authorization"]})

    auth = CertificateAuth("a-key", token_url=TOKEN_URL, clock=clock)
    with httpx2.Client(base_url=BASE, auth=auth, transport=httpx2.MockTransport(server)) as client:
        assert [client.get("/api").json()["token"] for _ in range(3)] == ["Bearer bound"] * 3
        assert auth.obtain(client).value == "bound"
    assert forms == [{"grant_type": ["client_credentials"], "client_id": ["a-key"]}]
    assert "a-key" not in repr(auth)


def test_a_refusal_is_told(clock: Any) -> None:
    """As with an assertion."""
    refused = httpx2.Response(401, json={"error": "invalid_client", "error_description": "a certificate is needed"})
    auth = CertificateAuth("a-key", token_url=TOKEN_URL, clock=clock)
    with httpx2.Client(transport=httpx2.MockTransport(lambda _request: refused)) as client, pytest.raises(TokenRefused, match="certificate is needed"):
        auth.obtain(client)


def test_a_proof_needs_a_name() -> None:
    """Empty texts are mistakes, found before the first request; no `repr` shows a credential."""
    for wrong in (lambda: ClientCertificate(""), lambda: ClientSecret("", "s"), lambda: ClientSecret("k", ""),
                  lambda: ClientAssertion("", None, "kid"), lambda: ClientAssertion("k", None, "kid", 301)):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"empty|seconds"):
            wrong()
    assert "very-secret" not in repr(ClientSecret("very-secret-key", "very-secret"))
