"""The client assertion (RFC 7523 section 3 as application-restricted 6.3 narrows it)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from wardgate.client.signer import Signer
from wardgate.jose import base64url
from wardgate.jose.strict_json import encode as encode_json

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFETIME_SECONDS: Final = 300


def make_assertion(
    signer: Signer, *, client_id: str, audience: str, kid: str, jti: str, now: datetime, lifetime_seconds: int
) -> str:
    """Return a signed assertion in compact form, good for one use. `now` is the server's time as far as we know it."""
    header = {"alg": signer.algorithm, "typ": "JWT", "kid": kid}
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": jti, "exp": int(now.timestamp()) + lifetime_seconds}
    signing_input = f"{_part(header)}.{_part(claims)}"
    return f"{signing_input}.{base64url.encode(signer.sign(signing_input.encode()))}"


def _part(value: Mapping[str, Any]) -> str:
    return base64url.encode(encode_json(value).encode())
