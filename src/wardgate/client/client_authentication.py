"""How an application proves itself at the token endpoint: secret, signed assertion, or certificate (RFC 6749, 7523, 8705).

What each returns are parameters of a form. An assertion is made anew for each request, with a `jti` of its own.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from wardgate.client.assertion import ASSERTION_TYPE, LONGEST_LIFETIME_SECONDS, make_assertion
from wardgate.client.signer import Signer


class ClientAuthentication(Protocol):
    """One application's proof."""

    @property
    def client_id(self) -> str:
        """The application's API key."""

    @property
    def signs(self) -> bool:
        """Whether it can prove itself where a secret is not taken, as token exchange and revocation do not."""

    def parameters(self, audience: str, now: datetime) -> Mapping[str, str]:
        """Return the parameters of one request. `now` is the server's time as far as we know it. May take long; may raise anything."""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """`client_secret_post` (RFC 6749 section 2.3.1): what the national platform takes for codes and refresh tokens."""

    client_id: str = field(repr=False)
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.client_id or not self.secret:
            raise ValueError("client_id and secret are not empty")

    @property
    def signs(self) -> bool:
        return False

    def parameters(self, audience: str, now: datetime) -> Mapping[str, str]:  # noqa: ARG002 - a secret is the same everywhere
        return {"client_id": self.client_id, "client_secret": self.secret}


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """`private_key_jwt` (RFC 7523): token exchange everywhere, and every grant in the profile `strict`.

    `audience` is the token URL unless the server says otherwise.
    """

    client_id: str = field(repr=False)
    signer: Signer
    kid: str
    lifetime_seconds: int = 120
    audience: str | None = None

    def __post_init__(self) -> None:
        if not self.client_id or not self.kid:
            raise ValueError("client_id and kid are not empty")
        if not 1 <= self.lifetime_seconds <= LONGEST_LIFETIME_SECONDS:
            raise ValueError(f"an assertion lives 1 to {LONGEST_LIFETIME_SECONDS} seconds")

    @property
    def signs(self) -> bool:
        return True

    def parameters(self, audience: str, now: datetime) -> Mapping[str, str]:
        assertion = make_assertion(
            self.signer, client_id=self.client_id, audience=self.audience or audience, kid=self.kid, jti=str(uuid.uuid4()), now=now,
            lifetime_seconds=self.lifetime_seconds,
        )
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """`tls_client_auth` (RFC 8705 section 2), profile `strict`: the certificate of the connection is the proof.

    The client that sends the request has it (`tls_ma_context`), and asks the mutual-TLS port.
    """

    client_id: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.client_id:
            raise ValueError("client_id is not empty")

    @property
    def signs(self) -> bool:
        return True

    def parameters(self, audience: str, now: datetime) -> Mapping[str, str]:  # noqa: ARG002 - the handshake is the proof
        return {"client_id": self.client_id}
