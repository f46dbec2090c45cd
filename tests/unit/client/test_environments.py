"""Where environments are, and which of them credentials may travel to."""

import pytest

from wardgate.client import PLATFORM, ClearTextRefused, Environment


def test_the_platforms_environments() -> None:
    """Every published environment has its host; production has no prefix (application-restricted 2)."""
    assert {name: environment.base_url for name, environment in PLATFORM.items()} == {
        "internal-dev": "https://internal-dev.api.service.nhs.uk",
        "internal-dev-sandbox": "https://internal-dev-sandbox.api.service.nhs.uk",
        "internal-qa": "https://internal-qa.api.service.nhs.uk",
        "internal-qa-sandbox": "https://internal-qa-sandbox.api.service.nhs.uk",
        "ref": "https://ref.api.service.nhs.uk",
        "dev": "https://dev.api.service.nhs.uk",
        "int": "https://int.api.service.nhs.uk",
        "sandbox": "https://sandbox.api.service.nhs.uk",
        "dep": "https://dep.api.service.nhs.uk",
        "prod": "https://api.service.nhs.uk",
    }
    assert PLATFORM["int"].token_url == "https://int.api.service.nhs.uk/oauth2/token"
    assert PLATFORM["prod"].url("/hello-world/hello/world") == "https://api.service.nhs.uk/hello-world/hello/world"


def test_any_base_url_is_an_environment() -> None:
    """A Wardgate is named by its base URL; the twin authorisation server by its path."""
    here = Environment.at("https://localhost:8443/")
    assert here.token_url == "https://localhost:8443/oauth2/token"
    assert Environment.at("https://localhost:8443", "/oauth2-mock").token_url == "https://localhost:8443/oauth2-mock/token"


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "http://127.9.9.9"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    """Loopback may be plain HTTP."""
    assert Environment.at(url).base_url == url


@pytest.mark.parametrize("url", ["http://example.nhs.uk", "http://10.0.0.1", "http://localhost.example.com", "http://0.0.0.0"])
def test_plain_http_to_others_is_refused(url: str) -> None:
    """Credentials do not leave this machine in clear text."""
    with pytest.raises(ClearTextRefused):
        Environment.at(url)


@pytest.mark.parametrize("url", ["", "localhost", "https://", "ftp://a.example", "https://user:pw@a.example", "https://a.example?x=1"])
def test_what_is_not_a_base_url_is_refused(url: str) -> None:
    """A base URL has a scheme and a host, and no user, query or fragment."""
    with pytest.raises(ValueError, match="a base URL has"):
        Environment.at(url)


def test_a_path_starts_with_a_slash() -> None:
    """A path without a slash would change the host."""
    with pytest.raises(ValueError, match="starts with"):
        Environment.at("https://a.example").url(".evil.example/")


def test_what_an_application_with_a_certificate_asks_is_at_the_mutual_tls_port() -> None:
    """RFC 8705 section 5: its own requests go there; users' browsers and the issuer's name do not."""
    environment = Environment.at("https://localhost:8443", mtls_base_url="https://localhost:8444/")
    assert (environment.issuer, environment.authorize_url) == ("https://localhost:8443/oauth2", "https://localhost:8443/oauth2/authorize")
    assert {environment.token_url, environment.pushed_request_url, environment.userinfo_url, environment.revocation_url} == {
        f"https://localhost:8444/oauth2/{name}" for name in ("token", "par", "userinfo", "revoke")}
    with pytest.raises(ClearTextRefused):
        Environment.at("https://localhost:8443", mtls_base_url="http://int.example.nhs.uk")
