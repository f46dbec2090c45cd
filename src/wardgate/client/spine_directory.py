"""Look-ups in the directory of systems, through its FHIR API (spine 7.4, 7.5).

What the directory says may be kept for one user's session, and must not be used again for another patient or session; a service
root is never used again for another interaction (spine 7.4). So answers are kept by a session and by nothing else:

    directory = SpineDirectory("https://int.api.service.nhs.uk", api_key)
    with directory.session() as look_up:          # one user, one patient
        provider = look_up.resolve_endpoint("Z9X02", interaction)
        asid = look_up.own_asid("Z9X01", interaction)
"""

import ssl
from collections.abc import Generator, Mapping
from typing import Any, Final, Self, TypeVar

import httpx2

from wardgate.client.api_key import APIKeyAuth
from wardgate.client.clients import api_client, async_api_client
from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.directory_answers import (
    MAX_ANSWER_BYTES,
    Query,
    ResolvedEndpoint,
    endpoints_of,
    read_asids,
    read_endpoints,
    systems_of,
    the_asid,
    the_endpoint,
)
from wardgate.client.spine_errors import DirectoryAnswerInvalid, DirectorySessionOver, SpineCallInvalid, spine_error
from wardgate.spine.identifiers import is_ods_code
from wardgate.spine.interaction_catalogue import endpoint_interaction
from wardgate.spine.interactions import MAX_CHARS

BASE_PATH: Final = "/spine-directory/FHIR/R4"
LONGEST_KEPT_SECONDS: Final = 1_800.0
"""What the national gateway keeps answers for (spine 7.4): a session that goes on asks again."""
MOST_KEPT: Final = 1_000
_HEADERS: Final = {"Accept": "application/fhir+json", "Accept-Encoding": "identity"}

T = TypeVar("T")
Steps = Generator[Query, bytes, T]
"""A look-up: yields questions, is sent the answers' bodies, returns what it found."""


def resolving(ods: str | None, interaction: str, party_key: str | None, fqdn: str | None) -> Steps[ResolvedEndpoint]:
    """Endpoint first, then the ASID of its party key (spine 7.4, 3): a provider has the interaction at both.

    The FHIR API tells no system without an interaction of it.
    """
    _check(ods, interaction)
    if ods is None and party_key is None:
        raise SpineCallInvalid("an endpoint is looked up by organisation, by party key, or by both")
    registered = endpoint_interaction(interaction)
    found = the_endpoint(read_endpoints((yield endpoints_of(ods, registered, party_key))), fqdn)
    asids: tuple[str, ...] = ()
    for name in dict.fromkeys((registered, interaction)):
        asids = asids or read_asids((yield systems_of(found.organisation, name, found.party_key or None)))
    return ResolvedEndpoint(found.url, the_asid(asids, "the endpoint's party key that has the interaction as well"), found.party_key, found.fqdn)


def finding_own(ods: str, interaction: str, manufacturer: str | None, party_key: str | None) -> Steps[str]:
    """The system of an organisation that may send an interaction (spine 7.4, 4)."""
    _check(ods, interaction)
    if manufacturer is not None:
        _check(manufacturer, interaction)
    return the_asid(read_asids((yield systems_of(ods, interaction, party_key, manufacturer))), "this organisation and interaction")


def _check(ods: str | None, interaction: str) -> None:
    if ods is not None and not is_ods_code(ods):
        raise SpineCallInvalid("an ODS code is 1 to 9 letters and digits")
    if not 0 < len(interaction) <= MAX_CHARS or not interaction.isascii() or not interaction.isprintable():
        raise SpineCallInvalid(f"an interaction id is at most {MAX_CHARS} printable characters")


class _Kept:
    """The answers of one session, by question."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: dict[Query, tuple[float, bytes]] | None = {}

    def find(self, query: Query) -> bytes | None:
        """Return an answer that is not too old. Raises `DirectorySessionOver`."""
        if self._answers is None:
            raise DirectorySessionOver("the session's look-ups are over: begin another for the next user or patient")
        at, body = self._answers.get(query, (None, b""))
        return body if at is not None and self._clock.monotonic() - at <= LONGEST_KEPT_SECONDS else None

    def keep(self, query: Query, body: bytes) -> None:
        """Keep an answer, as long as there is room."""
        if self._answers is not None and (len(self._answers) < MOST_KEPT or query in self._answers):
            self._answers[query] = (self._clock.monotonic(), body)

    def forget(self) -> None:
        """End it."""
        self._answers = None


class DirectorySession:
    """Look-ups for one user's session about one patient. Its answers are forgotten when it is closed, and never shared."""

    def __init__(self, client: httpx2.Client, base: str, clock: Clock) -> None:
        self._client, self._base, self._clock, self._kept = client, base, clock, _Kept(clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget every answer; the session answers nothing more."""
        self._kept.forget()

    def resolve_endpoint(
        self, ods: str | None, interaction: str, *, party_key: str | None = None, fqdn: str | None = None
    ) -> ResolvedEndpoint:
        """Return where an organisation serves an interaction, and under which ASID; of a national API name the `party_key` alone.

        Raises `NotInDirectory`, `DirectoryAmbiguous`, `DirectoryAnswerInvalid`, `SpineCallInvalid`, `APIError`.
        """
        return self._run(resolving(ods, interaction, party_key, fqdn))

    def own_asid(self, ods: str, interaction: str, *, manufacturer: str | None = None, party_key: str | None = None) -> str:
        """Return the ASID of one's own system: the organisation's that may send the interaction. Raises the same."""
        return self._run(finding_own(ods, interaction, manufacturer, party_key))

    def _run(self, steps: Steps[T]) -> T:
        try:
            query = next(steps)
            while True:
                query = steps.send(self._ask(query))
        except StopIteration as found:
            return found.value  # type: ignore[no-any-return]  # what the steps return

    def _ask(self, query: Query) -> bytes:
        kept = self._kept.find(query)
        if kept is not None:
            return kept
        with self._client.stream("GET", f"{self._base}/{query[0]}", params=list(query[1]), headers=_HEADERS) as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += _bounded(body, chunk)
        answer = _answer(response, bytes(body), self._clock)
        self._kept.keep(query, answer)
        return answer


class AsyncDirectorySession:
    """The same on asyncio."""

    def __init__(self, client: httpx2.AsyncClient, base: str, clock: Clock) -> None:
        self._client, self._base, self._clock, self._kept = client, base, clock, _Kept(clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget every answer; the session answers nothing more."""
        self._kept.forget()

    async def resolve_endpoint(
        self, ods: str | None, interaction: str, *, party_key: str | None = None, fqdn: str | None = None
    ) -> ResolvedEndpoint:
        """Return where an organisation serves an interaction, and under which ASID. Raises the same."""
        return await self._run(resolving(ods, interaction, party_key, fqdn))

    async def own_asid(self, ods: str, interaction: str, *, manufacturer: str | None = None, party_key: str | None = None) -> str:
        """Return the ASID of one's own system. Raises the same."""
        return await self._run(finding_own(ods, interaction, manufacturer, party_key))

    async def _run(self, steps: Steps[T]) -> T:
        try:
            query = next(steps)
            while True:
                query = steps.send(await self._ask(query))
        except StopIteration as found:
            return found.value  # type: ignore[no-any-return]  # what the steps return

    async def _ask(self, query: Query) -> bytes:
        kept = self._kept.find(query)
        if kept is not None:
            return kept
        async with self._client.stream("GET", f"{self._base}/{query[0]}", params=list(query[1]), headers=_HEADERS) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += _bounded(body, chunk)
        answer = _answer(response, bytes(body), self._clock)
        self._kept.keep(query, answer)
        return answer


def _bounded(body: bytearray, chunk: bytes) -> bytes:
    if len(body) + len(chunk) > MAX_ANSWER_BYTES:
        raise DirectoryAnswerInvalid(f"the directory's answer has more than {MAX_ANSWER_BYTES} bytes")
    return chunk


def _answer(response: httpx2.Response, body: bytes, clock: Clock) -> bytes:
    if response.status_code == 200:
        return body
    raise spine_error(httpx2.Response(response.status_code, headers=_without_encoding(response), content=body), clock.now())


def _without_encoding(response: httpx2.Response) -> Mapping[str, str]:
    return {name: value for name, value in response.headers.items() if name not in {"content-encoding", "content-length"}}


class SpineDirectory:
    """The directory at one address, with an application's API key. It keeps no answers: sessions do. Close it, or use it as a context."""

    def __init__(
        self, base_url: str, api_key: str, *, tls: ssl.SSLContext | None = None, base_path: str = BASE_PATH, clock: Clock = SYSTEM_CLOCK,
        transport: httpx2.BaseTransport | None = None, **more: Any,
    ) -> None:
        self._base, self._clock = base_path, clock
        self._client = api_client(base_url, auth=APIKeyAuth(api_key), tls=tls, transport=transport, **more)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    def session(self) -> DirectorySession:
        """Return look-ups for one user's session about one patient."""
        return DirectorySession(self._client, self._base, self._clock)


class AsyncSpineDirectory:
    """The same on asyncio."""

    def __init__(
        self, base_url: str, api_key: str, *, tls: ssl.SSLContext | None = None, base_path: str = BASE_PATH, clock: Clock = SYSTEM_CLOCK,
        transport: httpx2.AsyncBaseTransport | None = None, **more: Any,
    ) -> None:
        self._base, self._clock = base_path, clock
        self._client = async_api_client(base_url, auth=APIKeyAuth(api_key), tls=tls, transport=transport, **more)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End its connections."""
        await self._client.aclose()

    def session(self) -> AsyncDirectorySession:
        """Return look-ups for one user's session about one patient."""
        return AsyncDirectorySession(self._client, self._base, self._clock)
