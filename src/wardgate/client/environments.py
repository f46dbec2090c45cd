"""Where an environment is: the national platform's by name, any other by base URL (application-restricted 2)."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self

import httpx2

from wardgate.client.errors import ClearTextRefused

_PLATFORM_DOMAIN: Final = "api.service.nhs.uk"
PLATFORM_NAMES: Final = (
    "internal-dev", "internal-dev-sandbox", "internal-qa", "internal-qa-sandbox", "ref", "dev", "int", "sandbox", "dep",
    "prod",
)


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment: a base URL without a final slash, and the base path of its authorisation server.

    `mtls_base_url` is for applications that show a certificate (RFC 8705 section 5): what they ask themselves, they ask there,
    while users' browsers and the issuer's name stay at `base_url`.
    """

    base_url: str
    oauth_path: str = "/oauth2"
    mtls_base_url: str | None = None

    @classmethod
    def at(cls, base_url: str, oauth_path: str = "/oauth2", mtls_base_url: str | None = None) -> Self:
        """Return the environment at `base_url`, such as a Wardgate. Raises `ValueError` and `ClearTextRefused`."""
        return cls(_base(base_url), oauth_path, _base(mtls_base_url) if mtls_base_url is not None else None)

    @property
    def token_url(self) -> str:
        """The token endpoint, which is also the audience of an assertion."""
        return f"{self._asked}/token"

    @property
    def _asked(self) -> str:
        return (self.mtls_base_url or self.base_url) + self.oauth_path

    @property
    def issuer(self) -> str:
        """The authorisation server's name for itself, which `iss` of an answer must equal (RFC 9207)."""
        return self.base_url + self.oauth_path

    @property
    def authorize_url(self) -> str:
        """Where a user's browser is sent."""
        return f"{self.issuer}/authorize"

    @property
    def pushed_request_url(self) -> str:
        """Where an authorization request is pushed beforehand (RFC 9126), in the profile `strict`."""
        return f"{self._asked}/par"

    @property
    def userinfo_url(self) -> str:
        """Where a healthcare worker's details are."""
        return f"{self._asked}/userinfo"

    @property
    def revocation_url(self) -> str:
        """Where a token is taken back (RFC 7009); the national platform has no such endpoint."""
        return f"{self._asked}/revoke"

    def url(self, path: str) -> str:
        """Return the URL of `path`, which starts with a slash and the API's base path."""
        if not path.startswith("/"):
            raise ValueError("a path starts with /")
        return self.base_url + path


def _base(text: str) -> str:
    url = httpx2.URL(text)
    if not url.host or url.scheme not in {"http", "https"} or url.query or url.fragment or url.userinfo:
        raise ValueError("a base URL has a scheme, a host and at most a port and a path")
    refuse_clear_text(url)
    return str(url).rstrip("/")


def _of_the_platform(name: str) -> Environment:
    return Environment(f"https://{_PLATFORM_DOMAIN}" if name == "prod" else f"https://{name}.{_PLATFORM_DOMAIN}")


PLATFORM: Final[Mapping[str, Environment]] = MappingProxyType({name: _of_the_platform(name) for name in PLATFORM_NAMES})
"""The national platform's environments by name."""


def refuse_clear_text(url: httpx2.URL) -> None:
    """Credentials travel over TLS; plain HTTP is for this machine. Raises `ClearTextRefused`."""
    if url.scheme != "https" and not _is_loopback(url.host):
        raise ClearTextRefused(f"credentials are not sent over {url.scheme}: to {url.host}; use https")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
