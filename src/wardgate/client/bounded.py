"""A response body that ends, or fails, before it is too large."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx2

from wardgate.client.errors import TokenAnswerInvalid
from wardgate.client.tokens import LARGEST_ANSWER_BYTES


def bound(response: httpx2.Response) -> httpx2.Response:
    """Limit the body of an unread response to `LARGEST_ANSWER_BYTES`, uncompressed. Raises `TokenAnswerInvalid`."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise TokenAnswerInvalid("the token endpoint compressed its answer, which it was asked not to do")
    response.stream = _Bounded(response.stream)
    return response


class _Bounded(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.SyncByteStream | httpx2.AsyncByteStream) -> None:
        self._inner = inner
        self._read_bytes = 0

    @property
    def elapsed(self) -> timedelta | None:
        """What `httpx2.Response.elapsed` reads from its stream."""
        return getattr(self._inner, "elapsed", None)

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._inner, httpx2.SyncByteStream)  # noqa: S101 - a sync client reads sync streams
        for chunk in self._inner:
            yield self._counted(chunk)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._inner, httpx2.AsyncByteStream)  # noqa: S101 - an async client reads async streams
        async for chunk in self._inner:
            yield self._counted(chunk)

    def close(self) -> None:
        if isinstance(self._inner, httpx2.SyncByteStream):
            self._inner.close()

    async def aclose(self) -> None:
        if isinstance(self._inner, httpx2.AsyncByteStream):
            await self._inner.aclose()

    def _counted(self, chunk: bytes) -> bytes:
        self._read_bytes += len(chunk)
        if self._read_bytes > LARGEST_ANSWER_BYTES:
            raise TokenAnswerInvalid(f"the token endpoint's answer is larger than {LARGEST_ANSWER_BYTES} bytes")
        return chunk
