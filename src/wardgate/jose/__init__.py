"""JOSE: keys, key sets, signed tokens, signed and encrypted documents (RFC 7515 to 7518, 7638, 7797, 8037), and canonical JSON (RFC 8785).

Owns: strict base64url and JSON, the algorithms we speak, parsing keys once, verifying and signing compact JWS; for documents: JWS over
any octets, detached too, and JWE of several recipients; all over the primitives of `cryptography`.
Leaves: what claims must say (`oauth`), where keys come from (`outbound`, `keystores`).
Proof is a type: text from outside is an `UnverifiedJWT`; only `verify` makes a `VerifiedJWT`.
Read: errors, base64url, strict_json, algorithms, jwk, jwk_set, thumbprint, jws; for documents: canonical, large_member,
signature_algorithms, jws_octets, key_encryption, jwe.
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
