"""Calls by ASID: which API, which of its headers and which token, found in the data directory where they are not said (spine 3, 10)."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import click
import httpx2

from wardgate.catalogue import API, Route
from wardgate.catalogue.paths import Found, MethodNotAllowed, RouteMatcher
from wardgate.cli.calling import Caller
from wardgate.cli.enforced import snapshot_of
from wardgate.cli.failures import Failed
from wardgate.cli.options import Command
from wardgate.cli.output import Printer
from wardgate.cli.spine_user import Behind, context_of, organisation_of
from wardgate.cli.system_certificate import both, certificate_for
from wardgate.client import SPINE_RETRY, RetryPolicy, SpineAPI, SpineAuth, spine_client, ssp_url
from wardgate.client.spine_api import KINDS, Kind
from wardgate.directory import Endpoint
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.server import serving
from wardgate.spine.identifiers import is_asid
from wardgate.spine.interaction_catalogue import endpoint_interaction
from wardgate.spine.resolve import resolve
from wardgate.spine.variants import VariantName

NO_TOKEN: Final = "none"  # noqa: S105 - the name of a variant
ONCE: Final = RetryPolicy(attempts=1, failures=False)


@dataclass(frozen=True, slots=True)
class AsSystem:
    """What the options of one command say about the calling system and the call."""

    asid: str | None
    interaction: str | None
    to_asid: str | None
    organisation: str | None
    patient: str | None
    unattended: bool
    variant: str | None
    reason: str | None
    via_proxy: str | None
    encoded: bool

    @property
    def wanted(self) -> bool:
        """Whether a system calls."""
        return self.asid is not None

    def check(self) -> None:
        """Raise `click.UsageError` for options that go with --asid, without it, and for what is no ASID."""
        more = {"--interaction": self.interaction, "--to-asid": self.to_asid, "--organisation": self.organisation, "--patient": self.patient,
                "--unattended": self.unattended or None, "--variant": self.variant, "--reason": self.reason, "--via-proxy": self.via_proxy,
                "--encoded": self.encoded or None}
        given = [name for name, value in more.items() if value is not None]
        if self.asid is None and given:
            raise click.UsageError(f"{given[0]} goes with --asid, the calling system")
        if self.encoded and self.via_proxy is None:
            raise click.UsageError("--encoded goes with --via-proxy")
        for name, value in (("--asid", self.asid), ("--to-asid", self.to_asid)):
            if value is not None and not is_asid(value):
                raise click.UsageError(f"{name}: an ASID is 12 digits")


@dataclass(frozen=True, slots=True)
class Place:
    """The API that is called, as far as the data directory knows it. `base` is its URL here."""

    base: str
    api: API | None
    route: Route | None


@contextmanager
def system_client(
    caller: Caller, system: AsSystem, behind: Behind, method: str, url: str, printer: Printer, *, retry: bool
) -> Iterator[tuple[httpx2.Client, str]]:
    """Yield a client that calls as the system, and the URL to call. Raises `Failed`, `SpineCallInvalid`, `CertificateUnusable`."""
    asid = system.asid or ""
    snapshot = snapshot_of(caller.world, caller.world.now) if caller.world.exists else None
    here = _here(caller, system)
    whole = here + url if url.startswith("/") else url
    place = _place(whole, method, snapshot, here)
    kind = _kind(place, system)
    named = system.interaction or (place.route.interaction if place.route is not None else None)
    if system.via_proxy is None:
        api = SpineAPI(kind, place.base, _receiver(place, system))
        target = whole
        api = replace(api, endpoint=_audience(api, api.interaction_of(method, httpx2.URL(target), named), place, snapshot), base_url=place.base)
    else:
        api, path = _behind_proxy(place, kind, system, snapshot)
        target = api.url(path)
        named = named or _served(api, method, path, snapshot)
    known = snapshot.systems.get(asid) if snapshot is not None else None
    organisation = organisation_of(known, system.organisation)
    issuer = f"https://{min(known.certificate_names)}" if known is not None and known.certificate_names else place.base
    token = kind.variant in {VariantName.GP_CONNECT_0, VariantName.GP_CONNECT_1}
    if kind.variant is not None:
        behind.check()
    context = context_of(caller.world, behind, asid, issuer, organisation, system.reason, gp_connect=token)
    auth = SpineAuth(context, api, interaction=named, clock=caller.clock())
    cert, key = both(caller.cert, caller.cert_key) or certificate_for(caller.world, known, asid, printer)
    with spine_client(auth, cert, key, caller.anchor, password=caller.key_password, retry=SPINE_RETRY if retry else ONCE) as client:
        yield client, target


def _here(caller: Caller, system: AsSystem) -> str:
    """Return where calls go: to the mutual-TLS port, or to the secure proxy's."""
    relay = serving.read(caller.world.data).relay if system.via_proxy is not None and caller.base_url is None else None
    return relay or caller.environment(mutual_tls=True).base_url


def _place(url: str, method: str, snapshot: Snapshot | None, base_url: str) -> Place:
    """Return which API a URL is of: of this installation, or of another one, whose base is all of the URL's path."""
    try:
        found = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise click.UsageError(f"{url}: {error}") from None
    origin = f"{found.scheme}://{found.netloc.decode()}"
    path = found.raw_path.decode().partition("?")[0]
    match = RouteMatcher(snapshot.apis).find(method, path) if snapshot is not None and origin == base_url else None
    if isinstance(match, Found):
        return Place(origin + match.api.base_path, match.api, match.route)
    api = match.api if match is not None else None
    if api is not None:
        route = next(iter(api.routes), None) if isinstance(match, MethodNotAllowed) or api.relays else None
        return Place(origin + api.base_path, api, route)
    return Place(origin, None, None)


def _kind(place: Place, system: AsSystem) -> Kind:
    """Return the kind of API: the published one of the variant, with what the manifest says of this API."""
    variant = system.variant or (place.route.variant if place.route is not None else None)
    spine = place.api.spine if place.api is not None else None
    if spine is not None:
        named = None if variant in {None, NO_TOKEN} else VariantName(str(variant))
        return Kind(spine.family, named, spine.service)
    if system.variant in {None, NO_TOKEN}:
        raise Failed("the data directory knows no API by ASID at this URL: name what it is with --variant, and its ASID with --to-asid")
    return KINDS[str(system.variant)]


def _audience(api: SpineAPI, interaction: str, place: Place, snapshot: Snapshot | None) -> str:
    """Return the endpoint's URL as the directory has it, else as the outside knows the gateway."""
    receiver = snapshot.systems.get(api.asid) if snapshot is not None else None
    if snapshot is not None and snapshot.directory is not None and receiver is not None:
        found = snapshot.directory.endpoints(party_key=receiver.party_key, interaction=endpoint_interaction(interaction))
        if found and found[0].urls:
            return found[0].urls[0]
    if place.api is None or snapshot is None or not snapshot.environment.public_urls:
        return place.base
    return snapshot.environment.public_urls[0] + place.api.base_path


def _receiver(place: Place, system: AsSystem) -> str:
    own = place.api.spine.asid if place.api is not None and place.api.spine is not None else None
    asid = system.to_asid or own
    if asid is None:
        raise Failed("the API has no ASID of its own in the manifest: name the one to call with --to-asid")
    return asid


def _behind_proxy(place: Place, kind: Kind, system: AsSystem, snapshot: Snapshot | None) -> tuple[SpineAPI, str]:
    """Return the API behind the proxy, and the path below its endpoint. The directory here knows endpoint and receiver."""
    target = system.via_proxy or ""
    endpoint = _endpoint(target, snapshot, system.to_asid)
    root = next((url for url in endpoint.urls if _begins(target, url)), "") if endpoint is not None else target.partition("?")[0].rstrip("/")
    asid = system.to_asid or (_asid_of(endpoint, snapshot) if endpoint is not None else None)
    if asid is None:
        raise Failed("the directory here has no endpoint for this target: name the receiver with --to-asid")
    proxy = place.base
    ssp_url(proxy, root, target.removeprefix(root), encoded=system.encoded)
    return SpineAPI(kind, root, asid, proxy=proxy, encoded=system.encoded), target.removeprefix(root)


def _served(api: SpineAPI, method: str, path: str, snapshot: Snapshot | None) -> str | None:
    """Return the one interaction that fits a request and that the receiver serves there; None: that does not settle it."""
    receiver = snapshot.systems.get(api.asid) if snapshot is not None else None
    if snapshot is None or snapshot.directory is None or receiver is None or api.kind.service is None:
        return None
    found = snapshot.directory.endpoints(party_key=receiver.party_key)
    there = {one.interaction for one in found if api.endpoint in one.urls}
    fitting = [row.id for row in resolve(api.kind.service, method, path.partition("?")[0]) if endpoint_interaction(row.id) in there]
    return fitting[0] if len(fitting) == 1 else None


def _endpoint(target: str, snapshot: Snapshot | None, to_asid: str | None) -> Endpoint | None:
    """Return the endpoint with the longest URL that the target begins with."""
    if snapshot is None or snapshot.directory is None:
        return None
    asids = [to_asid] if to_asid is not None else list(snapshot.systems)
    keys = dict.fromkeys(snapshot.systems[asid].party_key for asid in asids if asid in snapshot.systems)
    found = [(len(url), one) for key in keys for one in snapshot.directory.endpoints(party_key=key) for url in one.urls if _begins(target, url)]
    return max(found, key=lambda one: one[0])[1] if found else None


def _asid_of(endpoint: Endpoint, snapshot: Snapshot | None) -> str | None:
    systems = snapshot.systems.values() if snapshot is not None else ()
    return min((one.asid for one in systems if one.party_key.lower() == endpoint.party_key.lower() and one.organisation == endpoint.organisation), default=None)


def _begins(target: str, url: str) -> bool:
    return target == url or target.startswith((url + "/", url + "?"))


OPTIONS: Final = (
    click.option("--asid", default=None, help="Call as this accredited system, by certificate, ASID and interaction."),
    click.option("--interaction", default=None, metavar="ID", show_default="the route's, else that of method and path", help="With --asid: the interaction."),
    click.option("--to-asid", default=None, metavar="ASID", show_default="the API's own, or the endpoint's", help="With --asid: the system that is called."),
    click.option("--organisation", default=None, metavar="ODS", show_default="the system's", help="With --asid: the organisation that the call is for."),
    click.option("--patient", default=None, metavar="NHS_NUMBER", help="With --asid: this citizen calls."),
    click.option("--unattended", is_flag=True, help="With --asid: nobody is behind the call."),
    click.option("--variant", type=click.Choice([*(name.value for name in VariantName), NO_TOKEN]), default=None, show_default="the route's",
                 help="With --asid: the way to make the Spine JWT."),
    click.option("--reason", default=None, metavar="WORD", show_default="directcare, of citizens patientaccess", help="With --asid: reason_for_request."),
    click.option("--via-proxy", default=None, metavar="TARGET", help="With --asid: URL is the secure proxy's, and this is the URL to ask it for."),
    click.option("--encoded", is_flag=True, help="With --via-proxy: write the target percent-encoded, as for records of the record locator."),
)


def with_system(command: Command) -> Command:
    """Add the options of calls by ASID, and pass a `system`."""
    @functools.wraps(command)
    def wrapped(
        *arguments: Any, asid: str | None, interaction: str | None, to_asid: str | None, organisation: str | None, patient: str | None,
        unattended: bool, variant: str | None, reason: str | None, via_proxy: str | None, encoded: bool, **options: Any,
    ) -> Any:
        said = AsSystem(asid, interaction, to_asid, organisation, patient, unattended, variant, reason, via_proxy, encoded)
        said.check()
        return command(*arguments, system=said, **options)

    for option in reversed(OPTIONS):
        wrapped = option(wrapped)
    return wrapped
