"""Signed assertions in advance: thousands of RS512 signatures, made by a process per core, each used once."""

import json
import os
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Final
from urllib.parse import urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from wardgate.jose import SigningJWK, sign

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME_SECONDS: Final = 290
"""A little below the longest that is taken (application-restricted 6.3), so that there is time to use them."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who asserts, to whom."""

    subject: str
    audience: str


def new_key() -> tuple[bytes, dict[str, Any]]:
    """Return a new RSA-2048 key as PEM, and its public half as a key set."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = dict(SigningJWK.of("bench", "RS512", key).public_jwk()) | {"use": "sig"}
    return pem, {"keys": [public]}


def forms(pem: bytes, who: Who, count: int) -> list[str]:
    """Return this many token requests, as form bodies."""
    cores = list(range(os.cpu_count() or 1))
    share = -(-count // len(cores))
    with ProcessPoolExecutor(len(cores), mp_context=get_context("spawn")) as pool:
        parts = [pool.submit(_forms, pem, who, share, core) for core in cores]
        return [form for part in parts for form in part.result()][:count]


def _forms(pem: bytes, who: Who, count: int, core: int) -> Sequence[str]:
    os.sched_setaffinity(0, {core})
    key = SigningJWK.of("bench", "RS512", serialization.load_pem_private_key(pem, None))
    return [_form(key, who) for _ in range(count)]


def _form(key: SigningJWK, who: Who) -> str:
    claims = {"iss": who.subject, "sub": who.subject, "aud": who.audience, "jti": secrets.token_hex(16), "exp": int(time.time()) + LIFETIME_SECONDS}
    return urlencode({"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": sign(claims, key, "JWT")})


def write(path: Any, found: Sequence[str]) -> None:
    """Write one form a line, as the load script reads them."""
    path.write_text("\n".join(found) + "\n")


def jwk_of(key: Any) -> dict[str, Any]:
    """Return a private P-256 key as a JWK, for a program that takes it so."""
    numbers = key.private_numbers()
    public = SigningJWK.of("bench", "ES256", key).public_jwk()
    import base64  # noqa: PLC0415 - the one place that writes a private key out

    secret = base64.urlsafe_b64encode(numbers.private_value.to_bytes(32, "big")).rstrip(b"=").decode()
    return json.loads(json.dumps(public)) | {"d": secret, "use": "sig"}
