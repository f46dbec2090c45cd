"""Who may use what, as a manifest states it, and how that changes between two.

Access is by path and method, and each path is judged as a request to it would be: the most specific route decides. So a
new route that takes a path away from a wider one shows as what it is, a loss under the old pattern and a gain under the
new. Counted are what a manifest knows: status, subscriptions, scopes, registered keys, addresses to return to and certificate
names. Credentials themselves, their expiry and their revocation are the store's, and so is who signs in.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from wardgate.applications import Application, Approval, Entitlements, Profile, entitlements
from wardgate.catalogue import API, Alternative, Pattern, Route
from wardgate.catalogue.model import METHODS
from wardgate.catalogue.paths import Found, PathTemplate, RouteMatcher, compile_template
from wardgate.catalogue.platform import PLATFORM_APIS
from wardgate.directory import AccreditedSystem
from wardgate.manifest.message_access import compare_messages
from wardgate.manifest.model import Manifest
from wardgate.manifest.system_access import Right, SystemAccess
from wardgate.oauth.scopes import APPLICATION_SCOPE
from wardgate.security_patterns.token_kind import levels_of, scopes_of

EVERYONE: Final = "everyone"
"""Stands for the caller of an open-access route."""
_SAMPLE_SEGMENT: Final = "!"
"""Stands for a path segment: no literal of a template can be spelled so."""

Region = tuple[str, PathTemplate, tuple[str, ...]]
"""(base path, template, samples): the paths that are judged together, and some of them."""


@dataclass(frozen=True, slots=True, order=True)
class Gain:
    """`application`, or a system by its product and ASID, may now use `route` of `api` by `pattern`. `route` is methods, if not all, and the whole path.

    Of messages, who is a mailbox or an organisation, `api` the workflow, and `route` what may be done (`message_access`).
    """

    application: str
    api: str
    route: str
    pattern: str


@dataclass(frozen=True, slots=True, order=True)
class Loss:
    """`application`, or a system, may no longer use `route` of `api` by `pattern`."""

    application: str
    api: str
    route: str
    pattern: str


@dataclass(slots=True)
class _Side:
    """One manifest, indexed; None is a world without anything."""

    manifest: Manifest | None
    registered: Collection[AccreditedSystem]
    matcher: RouteMatcher = field(init=False)
    callers: Mapping[str, tuple[tuple[Application, Entitlements, bool], ...]] = field(init=False)
    systems: SystemAccess = field(init=False)
    rights: dict[tuple[str, tuple[Alternative, ...]], frozenset[Right]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.matcher = RouteMatcher((*self.manifest.apis, *PLATFORM_APIS) if self.manifest else ())
        self.callers = _callers_by_api(self.manifest) if self.manifest else {}
        self.systems = SystemAccess(self.manifest, self.registered if self.manifest else ())

    def at(self, method: str, path: str) -> tuple[str, frozenset[Right]]:
        """Return the API of a path and who may use it with a method."""
        found = self.matcher.find(method, path)
        if not isinstance(found, Found):
            return "", frozenset()
        if found.route.pattern is Pattern.ASID_INTERACTION:
            return found.api.name, self.systems.at(found.api, found.route, method)
        key = (found.api.name, found.route.alternatives)
        if key not in self.rights:
            self.rights[key] = frozenset(self._rights(found.api, found.route))
        return found.api.name, self.rights[key]

    def _rights(self, api: API, route: Route) -> Iterator[Right]:
        for alternative in route.alternatives:
            if alternative.pattern is Pattern.OPEN_ACCESS:
                yield EVERYONE, alternative.pattern
                continue
            for application, entitled, certificate in self.callers.get(api.name, ()):
                yield from ((application.name, how) for how in self._how(application, entitled, certificate, api, alternative))

    def _how(
        self, application: Application, entitled: Entitlements, certificate: bool, api: API, alternative: Alternative
    ) -> Iterator[str]:
        """How this application may use the alternative: the pattern; of users, each mode and level its scopes are good for."""
        wanted = frozenset(scopes_of(api, alternative))
        if alternative.pattern is Pattern.TLS_MA:
            yield from [alternative.pattern] if certificate else []
        elif alternative.pattern is Pattern.API_KEY:
            yield alternative.pattern
        elif alternative.pattern is Pattern.SIGNED_JWT:
            granted = {scope for scope in entitled.scopes if APPLICATION_SCOPE in scope}
            yield from [alternative.pattern] if self._registered(application, certificate) and granted & wanted else []
        elif self._registered(application, certificate) or application.callback_urls:
            for level in levels_of(alternative):
                if any(f":{level}:" in scope for scope in wanted & set(entitled.scopes)):
                    yield f"{alternative.pattern}, {alternative.access_mode} at {level}"

    def _registered(self, application: Application, certificate: bool) -> bool:
        profile = application.profile or (self.manifest.environment.profile if self.manifest else Profile.NHS)
        return bool(application.jwks_url or application.jwks or (certificate and profile is Profile.STRICT))


def _callers_by_api(manifest: Manifest) -> dict[str, tuple[tuple[Application, Entitlements, bool], ...]]:
    """The applications that are let in at all, by API, with whether they have a certificate name."""
    products = {product.name: product for product in manifest.products}
    active = {organisation.ods for organisation in manifest.organisations if organisation.active}
    named = {system.asid for system in manifest.systems if system.fqdn}
    found: dict[str, list[tuple[Application, Entitlements, bool]]] = {}
    for application in manifest.applications:
        approved = application.status is Approval.APPROVED and application.developer_active
        if not approved or application.organisation not in active:
            continue
        entitled = entitlements(application, products)
        certificate = application.tls_client_auth_san_dns is not None or application.asid in named
        for api in entitled.apis:
            found.setdefault(api, []).append((application, entitled, certificate))
    return {api: tuple(callers) for api, callers in found.items()}


def compare_access(
    before: Manifest | None, after: Manifest, registered: Collection[AccreditedSystem] = ()
) -> tuple[tuple[Gain, ...], tuple[Loss, ...]]:
    """Return who gains and who loses what, sorted by application, API, route and pattern.

    `registered` are systems beside the manifest's, which may call in both.
    """
    sides = (_Side(before, registered), _Side(after, registered))
    gained: dict[tuple[str, str, str, str], dict[str, None]] = {}
    lost: dict[tuple[str, str, str, str], dict[str, None]] = {}
    for base_path, template, samples in _regions(manifest for manifest in (before, after) if manifest is not None):
        label = base_path + template.text
        for method, sample in product(METHODS, samples):
            (old_api, old), (new_api, new) = (side.at(method, base_path + sample) for side in sides)
            same = old & new if old_api == new_api else frozenset()
            for application, pattern in new - same:
                gained.setdefault((application, new_api, label, pattern), {})[method] = None
            for application, pattern in old - same:
                lost.setdefault((application, old_api, label, pattern), {})[method] = None
    more, fewer = compare_messages(before, after)
    gains = [Gain(name, api, _labelled(methods, label), pattern) for (name, api, label, pattern), methods in gained.items()]
    losses = [Loss(name, api, _labelled(methods, label), pattern) for (name, api, label, pattern), methods in lost.items()]
    return tuple(sorted([*gains, *(Gain(who, of, what, how) for who, of, what, how in more)])), \
        tuple(sorted([*losses, *(Loss(who, of, what, how) for who, of, what, how in fewer)]))


def _regions(manifests: Iterable[Manifest]) -> Iterator[Region]:
    """Every template of either manifest, with paths that no more specific template of either has a claim to."""
    found: dict[str, dict[object, PathTemplate]] = {}
    for manifest in manifests:
        for api in (*manifest.apis, *PLATFORM_APIS):
            for route in api.routes:
                template = compile_template(route.path)
                found.setdefault(api.base_path, {}).setdefault(template.shape, template)
    for base_path, by_shape in found.items():
        templates = sorted(by_shape.values(), key=lambda template: template.specificity)
        depth = max(len(template.segments) for template in templates)
        for template in templates:
            yield base_path, template, tuple(
                path for path in _paths(template, depth + 1)
                if next(other for other in templates if other.matches(path)) is template
            )


def _paths(template: PathTemplate, depth: int) -> Iterator[str]:
    """Paths that the template matches: one, or for `/*` one of each length up to `depth` more segments."""
    parts = [_SAMPLE_SEGMENT if segment is None else segment for segment in template.segments]
    if not template.below:
        yield "/" + "/".join(parts)
        return
    for count in range(depth + 1):
        yield "/" + "/".join([*parts, *([_SAMPLE_SEGMENT] * count or [""])])


def _labelled(methods: Collection[str], path: str) -> str:
    return path if len(methods) == len(METHODS) else f"{','.join(method for method in METHODS if method in methods)} {path}"
