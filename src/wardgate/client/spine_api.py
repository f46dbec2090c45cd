"""An API of Spine as a caller sees it: which kind it is, where it is, under which ASID, and what each request of it is.

Directly called APIs and those behind the secure proxy differ in their headers and in their URLs (spine 1 point 7, 10).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self
from urllib.parse import SplitResult, quote, unquote, urlsplit

import httpx2

from wardgate.client.spine_errors import SpineCallInvalid
from wardgate.spine.errors import UnknownInteraction
from wardgate.spine.headers import Family
from wardgate.spine.identifiers import is_asid
from wardgate.spine.interaction_catalogue import find
from wardgate.spine.interactions import PREFIX, WRITING, Interaction, Verb
from wardgate.spine.resolve import Service, resolve
from wardgate.spine.variants import VARIANTS, Variant, VariantName

MAX_URL_CHARS: Final = 2_000
_PRINTABLE: Final = re.compile(r"[\x21-\x7E]*")
_ESCAPED_TWICE: Final = re.compile(r"%25|%2[fF]|%5[cC]")
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of API: its headers, its token, and how a request becomes an interaction."""

    family: Family
    variant: VariantName | None
    """None: calls carry no token."""
    service: Service | None = None
    """Where the interaction follows from method and path; None: it is named."""
    interaction: str | None = None
    """The one interaction that there is."""


KINDS: Final[Mapping[str, Kind]] = MappingProxyType({
    "reasonable-adjustments": Kind(Family.REASONABLE_ADJUSTMENTS, VariantName.REASONABLE_ADJUSTMENTS, Service.REASONABLE_ADJUSTMENTS),
    "nrl": Kind(Family.NRL, VariantName.NRL, Service.NRL),
    "nrl-retrieval": Kind(Family.PROXY, VariantName.NRL_RETRIEVAL, interaction=f"{PREFIX}nrl:DocumentReference.content.read"),
    "nems-publish": Kind(Family.NEMS, VariantName.NEMS_PUBLISH, Service.NEMS_PUBLISH),
    "nems-subscribe": Kind(Family.NEMS, VariantName.NEMS_SUBSCRIBE, Service.NEMS_SUBSCRIBE),
    "booking": Kind(Family.PROXY, VariantName.BOOKING, Service.BOOKINGS),
    "gp-connect-1": Kind(Family.PROXY, VariantName.GP_CONNECT_1, Service.GP_CONNECT),
    "gp-connect-0": Kind(Family.PROXY, VariantName.GP_CONNECT_0, Service.GP_CONNECT),
    "spine-core": Kind(Family.REASONABLE_ADJUSTMENTS, VariantName.SPINE_CORE),
})
"""The published kinds, by the name of the variant of their token (spine 2.4, 3)."""


@dataclass(frozen=True, slots=True)
class SpineAPI:
    """One API: the endpoint and the ASID that the directory has for it. Raises `SpineCallInvalid` for what cannot be one."""

    kind: Kind
    endpoint: str
    """The service root as the directory has it, byte for byte; also the token's `aud`."""
    asid: str
    """The ASID of the API, or of the provider behind the proxy: `ToASID`, `Ssp-To`."""
    base_url: str | None = None
    """Where it is called in place of `endpoint`, such as at a gateway."""
    proxy: str | None = None
    """The secure proxy's base URL; the endpoint is then called through it."""
    encoded: bool = False
    """Behind the proxy: whether the target is percent-encoded, as the record locator has it, or as it is, as GP Connect has it."""

    def __post_init__(self) -> None:
        if not is_asid(self.asid):
            raise SpineCallInvalid("the API's ASID is 12 digits")
        _check_path(_split(self.endpoint, "the endpoint").path)
        if self.proxy is not None:
            _check_target(self.endpoint, "the endpoint")
        if self.endpoint.endswith("/") or "?" in self.endpoint:
            raise SpineCallInvalid("the endpoint has no slash at its end and no query: take it from the directory as it is")
        if self.base_url is not None and self.proxy is not None:
            raise SpineCallInvalid("an API is called at a base URL, or through the proxy")

    @classmethod
    def of(cls, kind: str, endpoint: str, asid: str, *, base_url: str | None = None, proxy: str | None = None, encoded: bool = False) -> Self:
        """Return an API of a published kind, `KINDS`. Raises `SpineCallInvalid`."""
        if kind not in KINDS:
            raise SpineCallInvalid(f"no kind of API has this name; there are {', '.join(KINDS)}")
        return cls(KINDS[kind], endpoint, asid, base_url, proxy, encoded)

    @property
    def variant(self) -> Variant | None:
        """The variant of its token; None: it asks for none."""
        return VARIANTS[self.kind.variant] if self.kind.variant is not None else None

    def url(self, path: str = "") -> str:
        """Return the URL to call for a path below the endpoint, with its query. Raises `SpineCallInvalid`."""
        if self.proxy is not None:
            return ssp_url(self.proxy, self.endpoint, path, encoded=self.encoded)
        _check_path(path)
        return (self.base_url or self.endpoint).rstrip("/") + path

    def path_of(self, url: httpx2.URL) -> str:
        """Return the path below the endpoint, without query, that a URL of this API has. Raises `SpineCallInvalid` for any other URL.

        A token names a person, so it is made for the API's own addresses only.
        """
        root, text = str(httpx2.URL(self.url())), str(url)
        if self.proxy is not None and self.encoded:
            start = self.proxy.rstrip("/") + "/"
            root, text = self.endpoint, unquote(text.removeprefix(str(httpx2.URL(start)))) if text.startswith(str(httpx2.URL(start))) else ""
        bare = text.partition("#")[0].partition("?")[0]
        path = bare.removeprefix(root.rstrip("/"))
        if path == bare or (path and not path.startswith("/")):
            raise SpineCallInvalid("the request goes elsewhere than to this API")
        return path

    def interaction_of(self, method: str, url: httpx2.URL, named: str | None = None) -> str:
        """Return the id of a request's interaction: the one named, else the one that follows from it (spine 4.3). Raises `SpineCallInvalid`."""
        path = self.path_of(url)
        chosen = named or self.kind.interaction
        if chosen is not None:
            return chosen
        if self.kind.service is None or self.kind.service is Service.NEMS_PUBLISH:
            raise SpineCallInvalid("the interaction does not follow from the request: name it")
        found = resolve(self.kind.service, method, path)
        if not found:
            raise SpineCallInvalid(f"no interaction of {self.kind.service} is known for this path with {method[:10]!a}: name one")
        if len(found) > 1 and self.kind.service is Service.GP_CONNECT:
            raise SpineCallInvalid(f"several interactions fit the request, name one: {', '.join(row.id for row in found)}")
        return found[0].id


def known(interaction: str) -> Interaction | None:
    """Return what is known of an interaction; None for one of a service that publishes none."""
    try:
        return find(interaction)
    except UnknownInteraction:
        return None


def may_repeat(method: str, interaction: str) -> bool:
    """Return whether a request changes nothing, so that it may be sent again: GP Connect reads records by POST."""
    found = known(interaction)
    if found is None or method in SAFE_METHODS:
        return method in SAFE_METHODS
    return found.verb is Verb.OPERATION and found.verb not in WRITING and not any(scope.endswith(".write") for scope in found.scopes)


def ssp_url(base: str, endpoint_url: str, path: str = "", *, encoded: bool = False) -> str:
    """Return the URL that asks the secure proxy for a target: the proxy's base, a slash, the endpoint's URL and the path (spine 10).

    `endpoint_url` is what the directory has, byte for byte, or with `path` empty the whole URL of a record. `encoded` writes the
    target percent-encoded. Raises `SpineCallInvalid` for what the proxy would refuse, or could take for another target.
    """
    found = _split(base, "the proxy's base URL")
    if found.query or found.fragment:
        raise SpineCallInvalid("the proxy's base URL has neither query nor fragment")
    _check_target(endpoint_url, "the endpoint")
    _check_path(path)
    target = endpoint_url + path
    if len(target) > MAX_URL_CHARS:
        raise SpineCallInvalid(f"the target has more than {MAX_URL_CHARS} characters")
    return f"{base.rstrip('/')}/{quote(target, safe='') if encoded else target}"


def _check_target(url: str, what: str) -> None:
    """An endpoint of the directory: https, a name, no port (spine 5.2), and no dots that a client would take away."""
    found = _split(url, what)
    if found.scheme != "https" or found.port is not None or found.netloc.endswith(":"):
        raise SpineCallInvalid(f"{what} is https and has no port")
    _check_path(found.path)


def _split(url: str, what: str) -> SplitResult:
    if len(url) > MAX_URL_CHARS or not _PRINTABLE.fullmatch(url):
        raise SpineCallInvalid(f"{what} is at most {MAX_URL_CHARS} printable ASCII characters")
    try:
        found = urlsplit(url)
        port = found.port  # a number out of range is found when it is asked for
    except ValueError:
        raise SpineCallInvalid(f"{what} is no URL") from None
    if found.scheme not in {"https", "http"} or not found.hostname or found.username is not None or "\\" in url or found.fragment or port == 0:
        raise SpineCallInvalid(f"{what} has a scheme and a host, and neither a user nor a fragment")
    return found


def _check_path(path: str) -> None:
    bare = path.partition("?")[0]
    if path and not path.startswith(("/", "?")):
        raise SpineCallInvalid("a path begins with /")
    if not _PRINTABLE.fullmatch(path) or "#" in path or "\\" in path or _ESCAPED_TWICE.search(bare):
        raise SpineCallInvalid("a path is printable ASCII, without fragment, backslash or escaped slash")
    if any(unquote(segment) in {".", ".."} for segment in bare.split("/")):
        raise SpineCallInvalid("a path has no segments `.` and `..`")
