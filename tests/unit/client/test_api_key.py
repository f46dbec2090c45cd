"""The API key pattern of the SDK."""

from typing import Any

import httpx2
import pytest

from wardgate.client import APIKeyAuth, ClearTextRefused, api_client


def echo(request: httpx2.Request) -> Any:
    """Answer with the headers received."""
    return httpx2.Response(200, json=dict(request.headers))


def test_the_key_is_sent_in_its_header() -> None:
    """The header is `apikey`, and no Authorization is sent."""
    with api_client("https://a.example", auth=APIKeyAuth("K" * 32), transport=httpx2.MockTransport(echo)) as client:
        headers = client.get("/").json()
    assert headers["apikey"] == "K" * 32
    assert "authorization" not in headers


def test_the_key_stays_here_in_clear_text() -> None:
    """Plain HTTP is for loopback only."""
    with api_client("http://localhost:1", auth=APIKeyAuth("K" * 32), transport=httpx2.MockTransport(echo)) as client:
        assert client.get("/").json()["apikey"] == "K" * 32
        with pytest.raises(ClearTextRefused):
            client.get("http://elsewhere.example/")


def test_redirects_do_not_carry_the_key_away() -> None:
    """The SDK's clients do not follow redirects."""
    seen = []

    def network(request: httpx2.Request) -> Any:
        seen.append(request.url.host)
        return httpx2.Response(302, headers={"Location": "https://evil.example/"})

    with api_client("https://a.example", auth=APIKeyAuth("K" * 32), transport=httpx2.MockTransport(network)) as client:
        assert client.get("/").status_code == 302
    assert seen == ["a.example"]


def test_the_key_is_not_shown() -> None:
    """`repr` hides the key."""
    assert repr(APIKeyAuth("SECRETSECRETSECRET")) == "APIKeyAuth(key=...)"


@pytest.mark.parametrize("key", ["", " key", "key\n", "k\u00e9y", "a\r\nb: c"])
def test_what_cannot_be_a_key_is_refused(key: Any) -> None:
    """A key is printable ASCII without spaces around it, and is not shown in the refusal."""
    with pytest.raises(ValueError, match="an API key is printable"):
        APIKeyAuth(key)
