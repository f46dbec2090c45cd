"""One request, with every limit there is (application-restricted 6.2, "Hardened").

https only, public addresses only (both can be widened by the operator), no redirect, no proxy from the environment, no
compression, at most so many bytes, all within one time limit.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx2

from wardgate.outbound.addresses import Network, is_public, is_within, plain
from wardgate.outbound.errors import HostDown, NotAKeySet
from wardgate.outbound.roots import roots

USER_AGENT: Final = "APIM"
MAX_ADDRESSES: Final = 4
_BUSY: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class FetchRules:
    """The limits of one fetch."""

    timeout_seconds: float = 5.0
    max_body_bytes: int = 65_536
    allowed_networks: tuple[Network, ...] = field(default=())
    """Private networks that key sets may be fetched from."""
    plain_http_networks: tuple[Network, ...] = field(default=())
    """Networks that may be asked without TLS: a demonstration's loopback."""
    ca_file: str | None = None
    """PEM of the roots to trust; None: the system's."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer of any status."""

    status: int
    content_type: str
    body: bytes = field(repr=False)


class Fetcher:
    """A client for other people's documents. Close it with `aclose`."""

    def __init__(self, rules: FetchRules) -> None:
        self._rules = rules
        self._client = httpx2.AsyncClient(
            verify=roots(rules.ca_file),
            headers={"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=rules.timeout_seconds, follow_redirects=False, trust_env=False,
            limits=httpx2.Limits(max_connections=50, max_keepalive_connections=0),
        )

    async def aclose(self) -> None:
        """Close the connections that are open."""
        await self._client.aclose()

    async def get(self, url: str) -> bytes:
        """Return the body of a 200. Raises `HostDown` when asking later may help, `NotAKeySet` when it will not."""
        return check_answer(await self.ask("GET", url))

    async def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes = b"") -> Fetched:
        """Return the answer, whatever its status. Raises as `get`, when there is none within the limits."""
        try:
            async with asyncio.timeout(self._rules.timeout_seconds):
                return await self._ask(method, httpx2.URL(url), headers or {}, content)
        except TimeoutError:
            raise HostDown(f"an answer within {self._rules.timeout_seconds:g} s", "none in time") from None
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError):
            raise NotAKeySet("an https URL with a host and a path", "another text") from None
        except httpx2.HTTPError as error:
            raise HostDown("an answer", _kind(error)) from None

    async def _ask(self, method: str, asked: httpx2.URL, headers: Mapping[str, str], content: bytes) -> Fetched:
        addresses = await self._resolve(asked)
        response = await self._connect(method, asked, addresses, headers, content)
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise NotAKeySet("a body that is not compressed", "a compressed one")
            body = b"" if response.status_code >= 500 else await self._body(response)
            return Fetched(response.status_code, response.headers.get("content-type", ""), body)
        finally:
            await response.aclose()

    async def _connect(
        self, method: str, asked: httpx2.URL, addresses: list[str], headers: Mapping[str, str], content: bytes
    ) -> httpx2.Response:
        """Send the request to the first address that takes the connection; TLS is verified for the name."""
        for address in addresses[:-1]:
            try:
                return await self._send(method, asked, address, headers, content)
            except httpx2.ConnectError:
                continue
        return await self._send(method, asked, addresses[-1], headers, content)

    async def _send(self, method: str, asked: httpx2.URL, address: str, headers: Mapping[str, str], content: bytes) -> httpx2.Response:
        request = self._client.build_request(
            method, asked.copy_with(host=address), headers={"Host": asked.netloc.decode("ascii"), **headers},
            content=content or None, extensions={"sni_hostname": asked.host},
        )
        return await self._client.send(request, stream=True)

    async def _resolve(self, url: httpx2.URL) -> list[str]:
        """Return the addresses to connect to, at most four; all of a name's addresses must be allowed."""
        if url.scheme not in {"https", "http"} or not url.host or url.userinfo or not url.path.startswith("/"):
            raise NotAKeySet("an https URL with a host and a path", "another text")
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise HostDown("a host name that resolves", "one that does not") from None
        addresses = [plain(str(row[4][0])) for row in found]
        for address in addresses:
            if not is_public(address) and not is_within(address, self._rules.allowed_networks):
                raise NotAKeySet("a public address", "one of a private, local or reserved network")
            if url.scheme == "http" and not is_within(address, self._rules.plain_http_networks):
                raise NotAKeySet("an https URL", "an http URL")
        return [str(address) for address in dict.fromkeys(addresses)][:MAX_ADDRESSES]

    async def _body(self, response: httpx2.Response) -> bytes:
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > self._rules.max_body_bytes:
                if response.status_code == 200:
                    raise NotAKeySet(f"at most {self._rules.max_body_bytes} bytes", "more")
                break  # a page about an error is not worth reading to its end
        return bytes(body)


def check_answer(answer: Fetched) -> bytes:
    """Return the body of a 200. Raises `HostDown` for a status that may pass, `NotAKeySet` for any other."""
    if answer.status >= 500 or answer.status in _BUSY:
        raise HostDown("status 200", f"status {answer.status}")
    if answer.status != 200:
        raise NotAKeySet("status 200, without a redirect", f"status {answer.status}")
    return answer.body


def _kind(error: httpx2.HTTPError) -> str:
    """Say what failed without repeating texts of others."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "a certificate that does not verify"
        if isinstance(cause, ssl.SSLError):
            return "a failed TLS handshake"
        cause = cause.__cause__ or cause.__context__
    return "no connection" if isinstance(error, httpx2.ConnectError) else type(error).__name__


