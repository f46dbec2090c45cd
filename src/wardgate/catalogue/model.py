"""APIs and routes as the manifest states them (design 5)."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from wardgate.applications.model import Name, Profile, Scope
from wardgate.catalogue.spine import SECURE_PROXY, TRANSLATED_SERVICES, SpineAPI, SpineJWT, Translation
from wardgate.directory.model import FQDN, Document, Flag, InteractionID, Whole
from wardgate.quotas import RateLimits
from wardgate.refusals.dialects import Dialect
from wardgate.spine.headers import NAMES, Family
from wardgate.spine.variants import VariantName


def _no_dot_segments(path: str) -> str:
    """RFC 3986 section 5.2.4: `.` and `..` are removed from a request's path before it is matched, so they never match."""
    if any(segment in {".", ".."} for segment in path.split("/")):
        raise ValueError("`.` and `..` cannot be segments of a path")
    return path


def _port_in_range(url: str) -> str:
    port = re.search(r":([0-9]{1,5})$", url)
    if port is not None and not 1 <= int(port[1]) <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return url


_HOST: Final = r"([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
_SEGMENT: Final = r"([A-Za-z0-9._~$-]+|\{[a-z_]+\})"

BasePath = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)+$", max_length=200), AfterValidator(_no_dot_segments)]
RoutePath = Annotated[
    str, Field(pattern=rf"^(/|/\*|(/{_SEGMENT})+(/\*)?)$", max_length=400), AfterValidator(_no_dot_segments)
]
Origin = Annotated[str, Field(pattern=rf"^https?://{_HOST}$", max_length=400), AfterValidator(_port_in_range)]
Backend = Annotated[
    str, Field(pattern=rf"^(https?://{_HOST}|unix:/[\x21-\x7E]+|{SECURE_PROXY})$", max_length=400), AfterValidator(_port_in_range)
]
ROUTE_SHAPES: Final = (Dialect.FAULT, Dialect.FHIR, Dialect.PROBLEM, Dialect.SPINE, Dialect.GP_CONNECT)
"""The shapes of an API's errors; the others are of applications: the token endpoint, the mailbox server and the secure proxy."""
_PLACES: Final = {Dialect.OAUTH: "the token endpoint", Dialect.MESH: "the mailbox server"}


def _of_apis(dialect: Dialect) -> Dialect:
    if dialect not in ROUTE_SHAPES:
        place = _PLACES.get(dialect, "the secure proxy")
        raise ValueError(f"`errors: {dialect}` is for {place}; APIs use {', '.join(ROUTE_SHAPES[:-1])} or {ROUTE_SHAPES[-1]}")
    return dialect


ErrorShape = Annotated[
    Dialect, AfterValidator(_of_apis), WithJsonSchema({"enum": [str(shape) for shape in ROUTE_SHAPES], "type": "string"})
]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
RESERVED_BASE_PATHS: Final = ("/oauth2", "/oauth2-mock", "/.well-known", "/realms", "/pki", "/portal", "/mock-jwks", "/standins", "/spine-directory", "/messageexchange")


class Pattern(StrEnum):
    """The published patterns this version enforces."""

    OPEN_ACCESS = "open-access"
    API_KEY = "api-key"
    SIGNED_JWT = "signed-jwt"
    TLS_MA = "tls-ma"
    USER_RESTRICTED = "user-restricted"
    ASID_INTERACTION = "asid-interaction"


class AccessMode(StrEnum):
    """Who is behind a user-restricted call (spec README rule 32)."""

    HEALTHCARE_WORKER = "healthcare-worker"
    PATIENT = "patient"


LEVELS: Final[Mapping[AccessMode, tuple[str, ...]]] = {
    AccessMode.HEALTHCARE_WORKER: ("aal1", "aal2", "aal3"),
    AccessMode.PATIENT: ("P0", "P5", "P9"),
}
"""How strongly a user signed in, weakest first (user-restricted 1); spelt as in scopes."""


class Enforcement(StrEnum):
    """Where a route's rule is judged: compiled into Envoy, or by the decision service on each request."""

    NATIVE = "native"
    DECISION = "decision"


class Audit(StrEnum):
    """When a decision is recorded: durably before the answer, or from Envoy's log within a second."""

    BEFORE = "before"
    AFTER = "after"


class RequestIDRule(StrEnum):
    """What happens to a missing or malformed X-Request-ID (spec README rule 13)."""

    REQUIRED = "required"
    GENERATED = "generated"


class RoleRule(StrEnum):
    """Whether a call acts in a role of the healthcare worker (user-restricted 8; spec README rule 10)."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NONE = "none"


class RoleErrors(StrEnum):
    """How a fault of the role choice is answered (user-restricted 8; spec README rule 10)."""

    OPERATION_OUTCOME = "operation-outcome"
    PLAIN_TEXT = "plain-text"
    HEADER = "header"


class Alternative(Document):
    """One pattern of a route, with its conditions."""

    pattern: Pattern
    """The pattern's name."""
    scopes: tuple[Scope, ...] = ()
    """For `signed-jwt` and `user-restricted`: any one is enough. When empty: `urn:nhsd:apim:app:level3:<api>`, or those of
    the access mode from the minimum level up."""
    access_mode: AccessMode | None = None
    """For `user-restricted`, required: whether a healthcare worker (NHS CIS2) or a patient (NHS login) is behind the call."""
    minimum_level: Annotated[str, Field(pattern="^(aal[123]|P[059])$")] | None = None
    """For `user-restricted`: the weakest sign-in that is enough; when absent, the strongest there is (`aal3`, `P9`), or with
    `scopes` of its own any of them."""

    @model_validator(mode="after")
    def _fits_the_pattern(self) -> Self:
        by_token = self.pattern in {Pattern.SIGNED_JWT, Pattern.USER_RESTRICTED}
        if self.scopes and not by_token:
            raise ValueError("`scopes` belong to the patterns signed-jwt and user-restricted")
        if (self.access_mode is not None) != (self.pattern is Pattern.USER_RESTRICTED):
            raise ValueError("`access_mode` belongs to the pattern user-restricted, which needs it")
        if self.minimum_level is not None and (self.access_mode is None or self.minimum_level not in LEVELS[self.access_mode]):
            raise ValueError("`minimum_level` is aal1, aal2 or aal3 of a healthcare-worker, P0, P5 or P9 of a patient")
        return self

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels that are enough (spec README rule 2): the minimum and those above it."""
        if self.access_mode is None:
            return ()
        known = LEVELS[self.access_mode]
        return known[known.index(self.minimum_level):] if self.minimum_level is not None else known[-1:]


class IdentityHeaders(Document):
    """Names of the identity headers a route's backend receives; only the gateway sets them (spec README rule 11)."""

    application: HeaderName | None = None
    """The header that gets the application's name."""
    asid: HeaderName | None = None
    """The header that gets the application's ASID; `NHSD-ASID` on the platform."""
    user: HeaderName | None = None
    """The header that gets the healthcare worker's identifier (12 digits); `NHSD-Identity-UUID` for PDS."""
    issuer: HeaderName | None = None
    """The header that gets the issuer of the user's ID token; `NHSD-Identity-IdP` for PDS."""
    role: HeaderName | None = None
    """The header that gets the role profile id the worker acts in; when absent, `NHSD-Session-URID`."""
    patient: HeaderName | None = None
    """The header that gets the patient's level and NHS number, `P9:9912003071`; `NHSD-NHSLogin-User` for PDS."""
    system: HeaderName | None = None
    """The header that gets the ASID of the calling system, on a route by ASID."""
    organisations: HeaderName | None = None
    """The header that gets the ODS codes that the calling system acts for, joined by commas; the decision service tells them."""
    interaction: HeaderName | None = None
    """The header that gets the interaction of the call, on a route by ASID."""


class Route(Document, json_schema_extra={"oneOf": [{"required": ["pattern"]}, {"required": ["any_of"]}]}):
    """A path of an API and the pattern that protects it. `/x/*` covers everything below, `{name}` one segment."""

    path: RoutePath
    """Below the base path. A literal segment beats `{name}` beats `/*`; the most specific path decides alone."""
    methods: tuple[Annotated[str, Field(pattern="^(" + "|".join(METHODS) + ")$")], ...] = ()
    """Empty: every method. HEAD is not implied by GET."""
    pattern: Pattern | None = None
    """The one pattern that protects the route: the short form of `any_of` with one alternative."""
    scopes: tuple[Scope, ...] = ()
    """With a `pattern` of tokens: the short form of the alternative's `scopes`."""
    access_mode: AccessMode | None = None
    """With `pattern: user-restricted`: the short form of the alternative's `access_mode`."""
    minimum_level: Annotated[str, Field(pattern="^(aal[123]|P[059])$")] | None = None
    """With `pattern: user-restricted`: the short form of the alternative's `minimum_level`."""
    any_of: tuple[Alternative, ...] = ()
    """Several patterns, any one enough."""
    spine_jwt: SpineJWT | None = None
    """With `pattern: asid-interaction`: the variant of the Spine JWT; when absent `spine-core`. With `none` the route stays in Envoy."""
    interaction: InteractionID | None = None
    """With `pattern: asid-interaction`: the interaction of the route; when absent, it follows from method and path."""
    translate: Translation | None = None
    """With `pattern: user-restricted` of healthcare workers: the backend is called in Spine's own way, as the application's system."""
    enforcement: Enforcement = Enforcement.NATIVE
    """`decision`: the decision service judges each request; `native`: Envoy's own filters do."""
    audit: Audit | None = None
    """`before`: recorded durably before the answer. When absent: the environment's."""
    errors: ErrorShape | None = None
    """The shape of refusals. When absent: the API's."""
    request_id: RequestIDRule | None = None
    """What happens without a good `X-Request-ID`. When absent: the API's."""
    identity_headers: IdentityHeaders | None = None
    """Headers that tell the backend who calls; only the gateway sets them."""
    role: RoleRule = RoleRule.NONE
    """`required`: every caller acts in a role, chosen from `NHSD-Session-URID`, the token and the user's roles; `optional`:
    only healthcare workers do, and the header of others is taken away; `none`: the header is passed on as it came."""
    role_errors: RoleErrors = RoleErrors.OPERATION_OUTCOME
    """A role that cannot be chosen: 401 `operation-outcome`, 400 `plain-text`, or 400 `header` in the API's own shape."""
    wrong_token_status: Literal[401, 403] = 403
    """401 as Hello World answers a token of the wrong kind, 403 as the platform's default (spec README rule 14)."""
    timeout_seconds: Annotated[float, Field(gt=0, le=600, strict=True)] = 30.0
    """How long the backend may take."""
    max_body_bytes: Annotated[Whole, Field(ge=0, le=100_000_000)] = 10_000_000
    """The largest request body."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.pattern is None) == (not self.any_of):
            raise ValueError("a route has either `pattern` or a list `any_of` with at least one alternative")
        if self.any_of and (self.scopes or self.access_mode is not None or self.minimum_level is not None):
            raise ValueError("`scopes`, `access_mode` and `minimum_level` of `any_of` stand in its alternatives")
        if self.pattern is not None:
            Alternative(pattern=self.pattern, scopes=self.scopes, access_mode=self.access_mode, minimum_level=self.minimum_level)
        if len({(alternative.pattern, alternative.access_mode) for alternative in self.any_of}) != len(self.any_of):
            raise ValueError("`any_of` names a pattern twice")
        if len(set(self.methods)) != len(self.methods):
            raise ValueError("`methods` names a method twice")
        return self

    @model_validator(mode="after")
    def _roles_are_of_workers(self) -> Self:
        if self.role is RoleRule.NONE:
            if self.identity_headers is not None and self.identity_headers.role is not None:
                raise ValueError("`identity_headers.role` is told where `role` is required or optional")
            return self
        if not any(alternative.access_mode is AccessMode.HEALTHCARE_WORKER for alternative in self.alternatives):
            raise ValueError("`role` needs the pattern user-restricted with `access_mode: healthcare-worker`")
        if any(alternative.pattern is Pattern.OPEN_ACCESS for alternative in self.alternatives):
            raise ValueError("`role` cannot be chosen on a route that is open to everyone")
        return self

    @model_validator(mode="after")
    def _systems_have_a_way_of_their_own(self) -> Self:
        by_system = self.pattern is Pattern.ASID_INTERACTION
        if any(alternative.pattern is Pattern.ASID_INTERACTION for alternative in self.any_of):
            raise ValueError("`asid-interaction` is no alternative to another pattern: it is the route's only `pattern`")
        if not by_system and (self.spine_jwt is not None or self.interaction is not None):
            raise ValueError("`spine_jwt` and `interaction` belong to the pattern asid-interaction")
        if self.translate is not None and not all(found.access_mode is AccessMode.HEALTHCARE_WORKER for found in self.alternatives):
            raise ValueError("`translate` needs the pattern user-restricted with `access_mode: healthcare-worker`, and no other")
        if self.translate is not None and self.role is not RoleRule.REQUIRED:
            raise ValueError("`translate` needs `role: required`: the token it makes names the role")
        told = self.identity_headers
        if told is not None and not by_system and (told.system or told.organisations or told.interaction):
            raise ValueError("`identity_headers` tells `system`, `organisations` and `interaction` with the pattern asid-interaction")
        return self

    @property
    def variant(self) -> VariantName | None:
        """The variant of the Spine JWT that the route asks for; None: it asks for none."""
        if self.pattern is not Pattern.ASID_INTERACTION or self.spine_jwt == "none":
            return None
        return self.spine_jwt or VariantName.SPINE_CORE

    @property
    def label(self) -> str:
        """How the route is named to people: its methods, if it does not take all, and its path."""
        return f"{','.join(self.methods)} {self.path}" if self.methods else self.path

    @cached_property
    def alternatives(self) -> tuple[Alternative, ...]:
        """The patterns of the route, any one enough; the short form is a list of one."""
        if self.pattern is not None:
            return (Alternative(pattern=self.pattern, scopes=self.scopes, access_mode=self.access_mode, minimum_level=self.minimum_level),)
        return self.any_of


class API(Document):
    """An API behind the gateway: where it is, its routes, and how it says no."""

    name: Name
    """The API's name, by which products refer to it."""
    base_path: BasePath
    """Where it begins; not below another API's and not one of the gateway's own paths."""
    backend: Backend
    """Where requests are sent: scheme, host and port, or `unix:` and a socket's path; `secure-proxy`: to the endpoint in the
    path, when it is the directory's for the receiver and a data-sharing rule allows it."""
    routes: Annotated[tuple[Route, ...], Field(min_length=1)]
    """What exists; everything else is 404."""
    spine: SpineAPI | None = None
    """How the API knows its callers' systems; needed by `pattern: asid-interaction` and by `translate`."""
    errors: ErrorShape = Dialect.FAULT
    """The shape of refusals: fault JSON, RFC 9457 problem, or an OperationOutcome as R4, Spine or GP Connect write it. When absent
    from an API with `spine`: Spine's."""
    request_id: RequestIDRule | None = None
    """When absent: required on APIs whose errors are FHIR, generated elsewhere."""
    limits: RateLimits | None = None
    """The API as a whole (the platform's `proxy` scope)."""
    backend_ca: Annotated[str, Field(max_length=1_000_000, pattern=r"-----BEGIN CERTIFICATE-----")] | None = None
    """PEM of the roots an https backend is verified with; when absent, the system's."""
    status_path: Annotated[str, Field(pattern=r"^/[\x21\x24-\x3E\x40-\x7E]*$", max_length=400)] = "/_status"
    """The backend path that `_status` asks."""

    @model_validator(mode="before")
    @classmethod
    def _spine_refuses_as_spine(cls, stated: Any) -> Any:
        if isinstance(stated, dict) and stated.get("spine") is not None and "errors" not in stated:
            return {**stated, "errors": Dialect.SPINE}
        return stated

    @model_validator(mode="after")
    def _spine_is_there_where_it_is_needed(self) -> Self:
        if self.spine is None and any(route.pattern is Pattern.ASID_INTERACTION or route.translate is not None for route in self.routes):
            raise ValueError("`pattern: asid-interaction` and `translate` need the API's `spine`, with its `service`")
        if self.relays and not all(route.pattern is Pattern.ASID_INTERACTION and route.path == "/*" for route in self.routes):
            raise ValueError("an API whose backend is the secure-proxy has routes of the path `/*` and the pattern asid-interaction only")
        if self.relays and (self.spine is None or self.spine.family is not Family.PROXY):
            raise ValueError("an API whose backend is the secure-proxy needs `spine` with the headers of the secure-proxy")
        return self

    @model_validator(mode="after")
    def _translated_calls_can_be_made(self) -> Self:
        spine = self.spine
        for translation in (route.translate for route in self.routes if route.translate is not None):
            if spine is not None and spine.service not in TRANSLATED_SERVICES:
                raise ValueError(f"`translate` is for the services {', '.join(sorted(TRANSLATED_SERVICES))}")
            if spine is not None and spine.asid is None and NAMES[translation.headers].receiver:
                raise ValueError(f"`translate` with the headers of {translation.headers} needs the API's own `asid`, which they name")
        return self

    @property
    def relays(self) -> bool:
        """Whether the API is the secure proxy: its backends are the directory's endpoints."""
        return self.backend == SECURE_PROXY

    @property
    def ours(self) -> bool:
        """Whether Wardgate serves the API itself (`platform`): it has no backend to be reached."""
        return False


class Environment(Document):
    """The environment as a whole."""

    name: Name
    """What this environment is called."""
    live: Flag = False
    """true: real data. Demo content, fixed keys and everything without TLS are refused."""
    profile: Profile = Profile.NHS
    """`nhs`: the national platform's behaviour. `strict`: RFC 9700 and FAPI 2.0 where they are stronger."""
    audit: Audit = Audit.AFTER
    """When decisions are recorded on routes that do not say."""
    public_urls: tuple[Origin, ...] = ()
    """Scheme, host and port under which callers reach Envoy; when empty, those `wardgate up` listens on."""
    server_names: tuple[FQDN | Annotated[str, Field(pattern="^localhost$")], ...] = ("localhost",)
    """The names in the server's certificate."""
    tls_ma_profile: Annotated[str, Field(pattern="^(verify|answer)$")] = "verify"
    """`verify`: a bad client certificate gets a TLS alert. `answer`: it gets 495 or 496."""
    tls_minimum: Literal["1.2", "1.3"] = "1.2"
    """The oldest TLS that callers may use."""
    tls_maximum: Literal["1.2", "1.3"] = "1.3"
    """The newest one; `1.2` is what the Spine pages describe."""
    tls_legacy_suite: Flag = False
    """true: `ECDHE-RSA-AES256-SHA` is offered beside the ECDHE-RSA GCM suites, for callers that have nothing better."""
    relay_trust: Annotated[str, Field(max_length=1_000_000, pattern=r"-----BEGIN CERTIFICATE-----")] | None = None
    """PEM of authorities, beside this environment's own, that endpoints behind the secure proxy may have their certificates from,
    and of a revocation list of each: without its list an authority's certificates are refused."""
    time_stamp_trust: Annotated[str, Field(max_length=1_000_000, pattern=r"-----BEGIN CERTIFICATE-----")] | None = None
    """PEM of the authorities that are believed about the time of a signature (RFC 3161), beside this environment's own, and of a
    revocation list of each."""
    default_limits: RateLimits | None = None
    """Limits of an application at an API that neither the application nor a product states; when absent, 300 a minute."""
    status_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")] | None = None
    """The monitoring key of `_status` in a demonstration; otherwise made on first start."""

    @model_validator(mode="after")
    def _some_tls_is_left(self) -> Self:
        if self.tls_minimum > self.tls_maximum:
            raise ValueError("`tls_minimum` is newer than `tls_maximum`: no TLS is left")
        return self
