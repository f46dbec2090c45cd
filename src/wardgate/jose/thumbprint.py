"""The name that a key gives itself (RFC 7638)."""

from hashlib import sha256
from json import dumps

from wardgate.jose import base64url
from wardgate.jose.jwk import JWK


def thumbprint(key: JWK) -> str:
    """Return base64url of SHA-256 over the key's required members in lexicographic order (RFC 7638 section 3)."""
    return base64url.encode(sha256(dumps(dict(key.public), sort_keys=True, separators=(",", ":")).encode("ascii")).digest())
