"""JOSE: keys, key sets and signed tokens (RFC 7515, 7517, 7518, 7638, 8037), over the primitives of `cryptography`.

Owns: strict base64url and JSON, the algorithms we speak, parsing keys once, verifying and signing compact JWS.
Leaves: what claims must say (`oauth`), where keys come from (`outbound`, `keystores`).
Proof is a type: text from outside is an `UnverifiedJWT`; only `verify` makes a `VerifiedJWT`.
Read: errors, base64url, strict_json, algorithms, jwk, jwk_set, thumbprint, jws.
"""

from wardgate.jose.errors import BadSignature, InvalidJWK, InvalidJWKSet, JOSEError, MalformedJWT, UnsuitableKey
from wardgate.jose.jwk import JWK, KeyRules, SigningJWK
from wardgate.jose.jwk_set import JWKSet, parse_jwk_set
from wardgate.jose.jws import UnverifiedJWT, VerifiedJWT, sign, verify
from wardgate.jose.thumbprint import thumbprint

__all__ = [
    "JWK", "BadSignature", "InvalidJWK", "InvalidJWKSet", "JOSEError", "JWKSet", "KeyRules", "MalformedJWT",
    "SigningJWK", "UnsuitableKey", "UnverifiedJWT", "VerifiedJWT", "parse_jwk_set", "sign", "thumbprint", "verify",
]
