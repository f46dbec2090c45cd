"""ID tokens that were not made as they must be: named by the attack, with the table's code at token exchange and at the callback."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wardgate.jose import SigningJWK, base64url
from wardgate.jose.jwk import public_members

ATTACKER = rsa.generate_private_key(65537, 2048)
Forge = Callable[[Any, Mapping[str, Any]], str]
"""(provider, claims) -> token. `provider` is the one whose token is forged; `claims` are good ones."""


def encoded(member: Any) -> str:
    """Return JSON in base64url."""
    return base64url.encode(json.dumps(member).encode())


def by_attacker(provider: Any, claims: Mapping[str, Any], **header: Any) -> str:
    """Return a token signed by a key of the attacker's, whatever the header says."""
    alg = provider.signers[0].algorithm.name
    members = {"typ": "JWT", "alg": alg, "kid": provider.signers[0].kid, **header}
    text = f"{encoded({k: v for k, v in members.items() if v is not None})}.{encoded(claims)}"
    return f"{text}.{base64url.encode(SigningJWK.of('x', alg, ATTACKER).algorithm.sign(ATTACKER, text.encode()))}"


def _by_secret(secret: bytes, provider: Any, claims: Mapping[str, Any], alg: str = "HS256") -> str:
    text = f"{encoded({'typ': 'JWT', 'alg': alg, 'kid': provider.signers[0].kid})}.{encoded(claims)}"
    digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[alg]
    return f"{text}.{base64url.encode(hmac.new(secret, text.encode(), digest).digest())}"


def _pem(provider: Any) -> bytes:
    return bytes(provider.signers[0].key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _der(provider: Any) -> bytes:
    return bytes(provider.signers[0].key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _unsigned(alg: Any) -> Forge:
    return lambda provider, claims: f"{encoded({'typ': 'JWT', 'alg': alg, 'kid': provider.signers[0].kid})}.{encoded(claims)}."


def _with(**header: Any) -> Forge:
    return lambda provider, claims: by_attacker(provider, claims, **header)


def _genuine(change: Callable[[list[str]], str]) -> Forge:
    """Return a token of the provider's own with its text changed."""
    return lambda provider, claims: change(provider.id_token(**{**dict.fromkeys(provider.claims()), **claims}).split("."))


def _swapped(provider: Any, claims: Mapping[str, Any]) -> str:
    header, _, signature = provider.id_token().split(".")
    return f"{header}.{encoded({**claims, 'sub': '555000000999'})}.{signature}"


def _own_jwk() -> dict[str, str]:
    return public_members(ATTACKER.public_key()) | {"kid": "mine", "use": "sig"}


def _payload(parts: list[str], payload: bytes) -> str:
    return f"{parts[0]}.{base64url.encode(payload)}.{parts[2]}"


def _last_bits(parts: list[str]) -> str:
    """Change bits that base64url does not use: another text for the same bytes (RFC 4648 section 3.5)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = parts[2][-1]
    return f"{parts[0]}.{parts[1]}.{parts[2][:-1]}{alphabet[alphabet.index(last) | 1]}"


SIGNATURE, KID, MALFORMED = "signature", "kid-unknown", "malformed"
FORGED: tuple[tuple[str, str, Forge], ...] = (
    ("alg none, no signature", SIGNATURE, _unsigned("none")),
    ("alg None", SIGNATURE, _unsigned("None")),
    ("alg nOnE", SIGNATURE, _unsigned("nOnE")),
    ("HMAC with the public key as PEM", SIGNATURE, lambda p, c: _by_secret(_pem(p), p, c)),
    ("HMAC with the public key as DER", SIGNATURE, lambda p, c: _by_secret(_der(p), p, c)),
    ("HMAC with the modulus", SIGNATURE, lambda p, c: _by_secret(p.signers[0].public_jwk()["n"].encode(), p, c)),
    ("HMAC with nothing", SIGNATURE, lambda p, c: _by_secret(b"", p, c, "HS512")),
    ("another family of algorithms", SIGNATURE, _with(alg="PS256")),
    ("an algorithm between", SIGNATURE, _with(alg="RS384")),
    ("a key of its own in jwk", SIGNATURE, lambda p, c: by_attacker(p, c, jwk=_own_jwk())),
    ("a key of its own in jwk, and its name", KID, lambda p, c: by_attacker(p, c, jwk=_own_jwk(), kid="mine")),
    ("a key set of its own in jku", KID, lambda p, c: by_attacker(p, c, jku=p.issuer + "/attacker/jwks.json", kid="mine")),
    ("a key set of its own in jku, and the provider's kid", SIGNATURE, lambda p, c: by_attacker(p, c, jku=p.issuer + "/attacker/jwks.json")),
    ("a certificate of its own in x5u", SIGNATURE, lambda p, c: by_attacker(p, c, x5u=p.issuer + "/attacker/cert.pem")),
    ("a certificate of its own in x5c", SIGNATURE, lambda p, c: by_attacker(p, c, x5c=["MIIB"], x5t="x")),
    ("a kid that is a path", KID, _with(kid="../../../../../../dev/null")),
    ("a kid that is a statement", KID, _with(kid="' OR '1'='1")),
    ("a kid that is an address", KID, _with(kid="https://evil.example/jwks.json")),
    ("a kid with a NUL", KID, lambda p, c: by_attacker(p, c, kid=p.signers[0].kid + "\0")),
    ("a kid in other letters", KID, lambda p, c: by_attacker(p, c, kid=p.signers[0].kid.upper())),
    ("a critical extension", MALFORMED, _with(crit=["exp"])),
    ("an unencoded payload", MALFORMED, _with(crit=["b64"], b64=False)),
    ("a header of three kilobytes", MALFORMED, _with(pad="x" * 3_000)),
    ("another payload under the same signature", SIGNATURE, _swapped),
    ("no signature", SIGNATURE, _genuine(lambda parts: f"{parts[0]}.{parts[1]}.")),
    ("a signature cut short", SIGNATURE, _genuine(lambda parts: f"{parts[0]}.{parts[1]}.{parts[2][:-6]}")),
    ("base64 with padding", MALFORMED, _genuine(lambda parts: ".".join(parts) + "==")),
    ("bits that base64 does not use", MALFORMED, _genuine(_last_bits)),
    ("a space before it", MALFORMED, _genuine(lambda parts: " " + ".".join(parts))),
    ("five parts", MALFORMED, _genuine(lambda parts: ".".join([*parts, "AAAA", "AAAA"]))),
    ("two parts", MALFORMED, _genuine(lambda parts: ".".join(parts[:2]))),
    ("the JSON form", MALFORMED, _genuine(lambda parts: json.dumps({"protected": parts[0], "payload": parts[1], "signature": parts[2]}))),
    ("letters outside ASCII", MALFORMED, _genuine(lambda parts: ".".join(parts) + "é")),
    ("twenty kilobytes", MALFORMED, lambda p, c: by_attacker(p, {**c, "pad": "x" * 20_000})),
    ("a payload with a name twice", MALFORMED,
     _genuine(lambda parts: _payload(parts, b'{"sub":"a","sub":"b"}'))),
    ("a payload that is a list", MALFORMED, _genuine(lambda parts: _payload(parts, b"[1]"))),
    ("a payload with NaN", MALFORMED, _genuine(lambda parts: _payload(parts, b'{"exp":NaN}'))),
    ("a payload of many levels", MALFORMED, _genuine(lambda parts: _payload(parts, b"[" * 5_000))),
)
