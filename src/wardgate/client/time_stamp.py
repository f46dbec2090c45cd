"""Asking a time-stamping authority over HTTP (RFC 3161 section 3.4).

The answer is checked against the question: the digest, the nonce, one token. Whether the authority is to be believed is asked by whoever
verifies, `sealing.time_stamp`; plain HTTP is good enough, because what is asked is a digest and what is answered is signed.
"""

import secrets
from collections.abc import Callable
from typing import Final

import httpx2

from wardgate.cms.errors import CMSError
from wardgate.cms.time_stamp import MAX_RESPONSE_BYTES, Request, read_response, read_token, write_request

QUERY: Final = "application/timestamp-query"
REPLY: Final = "application/timestamp-reply"
TIMEOUT_SECONDS: Final = 10.0
NONCE_BITS: Final = 64


class TimeStampUnavailable(OSError):
    """The authority did not answer, or not what was asked. The text names what was wrong, no digest."""


class TimeStampAuthority:
    """An authority by its address: a `sealing.keys.TimeStamper`, which threads may share."""

    def __init__(
        self, url: str, *, policy: str | None = None, timeout_seconds: float = TIMEOUT_SECONDS, transport: httpx2.BaseTransport | None = None,
        nonce: Callable[[int], int] = secrets.randbits,
    ) -> None:
        """`policy` is the object identifier of the only policy that is good enough. Raises `ValueError` for an address that is none."""
        parsed = httpx2.URL(url)
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise ValueError("the address of a time-stamping authority begins with http:// or https://")
        self._url = parsed
        self._policy = policy
        self._nonce = nonce
        # one question now and then: no connection is kept for the next
        self._client = httpx2.Client(
            transport=transport, timeout=timeout_seconds, follow_redirects=False, headers={"Accept-Encoding": "identity"},
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def stamp(self, sha256: bytes) -> bytes:
        """Return the DER of a TimeStampToken over the digest. Raises `TimeStampUnavailable`, which is an `OSError`."""
        asked = Request("sha256", sha256, self._policy, self._nonce(NONCE_BITS))
        try:
            token = read_response(self._answer(write_request(asked)))
            found = read_token(token)
        except httpx2.HTTPError as error:
            raise TimeStampUnavailable(f"the time-stamping authority cannot be asked: {type(error).__name__}") from error
        except CMSError as error:
            raise TimeStampUnavailable(f"the time-stamping authority did not give a time-stamp: {error}") from error
        if (found.digest, found.imprint, found.nonce) != (asked.digest, asked.imprint, asked.nonce):
            raise TimeStampUnavailable("the time-stamping authority answered another question")
        if self._policy is not None and found.policy != self._policy:
            raise TimeStampUnavailable("the time-stamping authority answered under another policy")
        return token

    def _answer(self, request: bytes) -> bytes:
        with self._client.stream("POST", self._url, content=request, headers={"Content-Type": QUERY, "Accept": REPLY}) as response:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if response.status_code != 200 or kind != REPLY or response.headers.get("content-encoding", "identity").lower() != "identity":
                raise TimeStampUnavailable(f"the time-stamping authority answered {response.status_code}, {kind[:60] or 'of no type'}")
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MAX_RESPONSE_BYTES:
                    raise TimeStampUnavailable(f"the time-stamping authority's answer is larger than {MAX_RESPONSE_BYTES} bytes")
        return bytes(body)
