"""A supplier's developer: has keys, publishes a key set, writes assertions, good ones and every bad one of the vectors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from wardgate.jose import SigningJWK, base64url
from wardgate.jose.jwk import public_members

KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
PUBLIC = "https://wardgate.example"
ISSUER = f"{PUBLIC}/oauth2"
TOKEN_URL = f"{ISSUER}/token"
VECTORS = Path(__file__).parents[1] / "vectors"

RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
WEAK_RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose: it must be refused
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
SIGNERS = {
    "RS512": SigningJWK.of("test-1", "RS512", RSA),
    "PS256": SigningJWK.of("ps-1", "PS256", RSA),
    "ES256": SigningJWK.of("es-1", "ES256", EC),
    "EdDSA": SigningJWK.of("ed-1", "EdDSA", ED),
}
OTHER = SigningJWK.of("test-1", "RS512", OTHER_RSA)
WEAK_JWK = public_members(WEAK_RSA.public_key()) | {"kid": "weak-1"}
JWKS: dict[str, Any] = {"keys": [*(signer.public_jwk() for signer in SIGNERS.values()), WEAK_JWK]}


def vectors(name: str) -> list[dict[str, Any]]:
    """Return the rows of a file of vectors; an empty file is an error."""
    rows: list[dict[str, Any]] = json.loads((VECTORS / f"{name}.json").read_text())["vectors"]
    assert rows
    return rows


def claims_at(now: float, number: int) -> dict[str, Any]:
    """Return good claims."""
    return {"iss": KEY, "sub": KEY, "aud": TOKEN_URL, "jti": f"jti-{number}", "exp": int(now) + 300}


def _value(value: Any, now: float) -> Any:
    if isinstance(value, str):
        return value.replace("{token_url}", TOKEN_URL).replace("{issuer}", ISSUER)
    if isinstance(value, list):
        return [_value(item, now) for item in value]
    match value:
        case {"ahead": ahead}:
            return int(now) + ahead
        case {"ahead_text": ahead}:
            return str(int(now) + ahead)
        case {"ahead_ms": ahead}:
            return (int(now) + ahead) * 1000
        case {"repeat": [text, times]}:
            return text * times
    return value


def _changed(members: Mapping[str, Any], changes: Mapping[str, Any], now: float) -> dict[str, Any]:
    kept = {name: value for name, value in members.items() if name not in changes}
    added = {name: _value(value, now) for name, value in changes.items() if value is not None}
    return kept | {name: None if value == {"null": True} else value for name, value in added.items()}


def _payload(vector: Mapping[str, Any], now: float, number: int) -> bytes:
    if "payload" in vector:
        return str(vector["payload"]).encode()
    if "payload_repeat" in vector:
        text, times = vector["payload_repeat"]
        return bytes(text * times, "ascii")
    claims = _changed(claims_at(now, number), vector.get("claims", {}), now)
    text = json.dumps(claims)
    if "payload_jti" in vector:
        text = text.replace(f'"{claims["jti"]}"', f'"{vector["payload_jti"]}"')
    if "payload_exp" in vector:
        text = text.replace(str(claims["exp"]), vector["payload_exp"])
    return text.encode()


def assertion(vector: Mapping[str, Any], now: float, number: int = 1) -> str:
    """Return the assertion that a vector describes, at this time; `number` makes its jti new."""
    if "text" in vector:
        return str(vector["text"])
    signer = SIGNERS[vector.get("sign", "RS512")]
    header = _changed({"alg": signer.algorithm.name, "typ": "JWT", "kid": signer.kid}, vector.get("header", {}), now)
    parts = [base64url.encode(json.dumps(header).encode()), base64url.encode(_payload(vector, now, number))]
    signer = OTHER if vector.get("sign_key") == "other" else signer
    signature = signer.algorithm.sign(signer.key, ".".join(parts).encode())
    if vector.get("strip_signature"):
        signature = b""
    if vector.get("flip_signature"):
        signature = signature[:-1] + bytes((signature[-1] ^ 1,))
    if vector.get("der_signature"):
        signature = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
    if vector.get("zero_signature"):
        signature = bytes(vector["zero_signature"])
    if vector.get("swap_payload"):
        parts[1] = base64url.encode(json.dumps(claims_at(now, number + 1000)).encode())
    return ".".join([*parts, base64url.encode(signature)])


def key_set(vector: Mapping[str, Any]) -> bytes:
    """Return the key set that a vector describes."""
    base = {
        "rsa": SIGNERS["RS512"].public_jwk() | {"kid": "rsa"},
        "ec": SIGNERS["ES256"].public_jwk() | {"kid": "ec"},
        "okp": SIGNERS["EdDSA"].public_jwk() | {"kid": "okp"},
        "rsa1024": WEAK_JWK,
    }
    if "text" in vector:
        return str(vector["text"]).encode()
    if "repeat" in vector:
        text, times = vector["repeat"]
        return bytes(text * times, "ascii")
    if "bare" in vector:
        return json.dumps(base[vector["bare"]]).encode()
    modulus = RSA.public_key().public_numbers().n
    filled = {
        "{n}": base["rsa"]["n"], "{x}": base["ec"]["x"], "{n_even}": base64url.encode_integer(modulus - 1),
        "{n0}": base64url.encode(b"\0" + modulus.to_bytes(256)), "{n_huge}": base64url.encode_integer((1 << 16383) | 1),
    }
    keys = []
    for row in vector["keys"]:
        changes = row.get("set", {})
        members = {name: value for name, value in base[row["base"]].items() if name not in changes}
        members |= {name: filled.get(value, value) if isinstance(value, str) else value for name, value in changes.items() if value is not None}
        keys.append(members)
    return json.dumps({"keys": keys}).encode()
