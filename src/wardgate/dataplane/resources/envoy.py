"""Names shared by all resources: Envoy's type URLs, our filters in their order, and matcher trees."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

JSON = dict[str, Any]

T: Final = "type.googleapis.com/"
HTTP: Final = T + "envoy.extensions.filters.http."
RBAC: Final = HTTP + "rbac.v3.RBAC"
RULES_NOT_LOADED: Final = "rules-not-loaded"


class Filter(StrEnum):
    """Our HTTP filters, in the order in which a request meets them."""

    EXPLAINED_LIMIT = "wg.explained-limit"
    REQUEST_ID = "wg.request-id"
    STATE = "wg.state"
    FINGERPRINTS = "wg.fingerprints"
    CERTIFICATE = "wg.certificate"
    API_KEYS = "wg.api-keys"
    TOKENS = "wg.tokens"
    EARLY_BODY = "wg.early-body"
    CERTIFICATE_NAMES = "wg.certificate-names"
    CERTIFICATE_CLIENT = "wg.certificate-client"
    SYSTEM = "wg.system"
    SYSTEM_PROXIED = "wg.system-proxied"
    SYSTEMS_OVERLAY = "wg.systems-overlay"
    SYSTEMS = "wg.systems"
    SYSTEM_DECISION = "wg.system-decision"
    SYSTEM_SET = "wg.system-set"
    GRANTS = "wg.grants"
    GIVEN = "wg.given"
    DECISION = "wg.decision"
    PAIR = "wg.pair"
    OVERLAY = "wg.overlay"
    CLIENTS = "wg.clients"
    ROUTE = "wg.route"
    APPLICATION_QUOTA = "wg.application-quota"
    APPLICATION_SPIKE = "wg.application-spike"
    API_QUOTA = "wg.api-quota"
    API_SPIKE = "wg.api-spike"
    BODY = "wg.body"


class State(StrEnum):
    """Filter state objects: what a request is known by after its headers have been changed for the backend."""

    MESSAGE_ID = "wardgate.message_id"
    REQUEST_ID = "wardgate.request_id"
    CORRELATION_ID = "wardgate.correlation_id"
    FINGERPRINT = "wardgate.fingerprint"
    CERTIFICATE_NAME = "wardgate.certificate_name"
    PAIR = "wardgate.pair"
    TOKEN_ID = "wardgate.token_id"  # noqa: S105 - the name of an object
    LEVEL = "wardgate.level"
    SYSTEM = "wardgate.system"
    TRACE = "wardgate.trace"
    GRANT = "wardgate.grant"
    RELAY_HOST = "wardgate.relay_host"
    RELAY_PATH = "wardgate.relay_path"
    RELAY_PATH_ALONE = "wardgate.relay_path_alone"


PROXIED_CLIENT: Final = "x-wardgate-client"
PROXIED_JTI: Final = "x-wardgate-jti"
PROXIED_CREDENTIAL: Final = "x-wardgate-credential"
PROXIED_BOUND: Final = "x-wardgate-bound"
PROXIED_ASID: Final = "x-wardgate-asid"
PROXIED_SCOPE: Final = "x-wardgate-scope"
PROXIED_ISSUER: Final = "x-wardgate-issuer"
PROXIED_SESSION: Final = "x-wardgate-session"
PROXIED_LEVEL: Final = "x-wardgate-level"
PROXIED_USER: Final = "x-wardgate-user"
PROXIED_PROVIDER: Final = "x-wardgate-provider"
PROXIED_PATIENT: Final = "x-wardgate-patient"
PROXIED_ROLE: Final = "x-wardgate-role"
PROXIED_SYSTEM: Final = "x-wardgate-system"
PROXIED_ORGANISATIONS: Final = "x-wardgate-organisations"
PROXIED_INTERACTION: Final = "x-wardgate-interaction"
SET_PREFIX: Final = "x-wardgate-set-"
"""Begins the headers by which the decision service replaces a caller's headers on a translated route."""
GIVEN_PREFIX: Final = "x-wardgate-given-"
"""Begins the copies of headers that the question to the decision service cannot carry under their own names."""
RELAY_CLUSTER: Final = "x-wardgate-relay-cluster"
RELAY_HOST: Final = "x-wardgate-relay-host"
RELAY_PATH: Final = "x-wardgate-relay-path"
MESSAGE_ID: Final = "x-wardgate-message-id"
LISTENER: Final = "x-wardgate-listener"
GIVEN_REQUEST_ID: Final = "x-wardgate-given-request-id"
REASON: Final = "x-wardgate-reason"
RECORD: Final = "wardgate-record"
"""In an answer of the decision service: what is recorded of the call, sealed. Its name keeps it from the backend and the caller."""
EXPLAIN: Final = "x-wardgate-explain"
"""Set by the mappers on a refusal whose body Wardgate shall write; it never leaves Envoy."""
REFUSAL_SECRET: Final = "x-wardgate-refusal-secret"  # noqa: S105 - the name of a header
REFUSED_REASON: Final = "x-wardgate-refused-reason"
REFUSED_API: Final = "x-wardgate-refused-api"
REFUSED_ROUTE: Final = "x-wardgate-refused-route"
REFUSED_PATTERN: Final = "x-wardgate-refused-pattern"
REFUSED_DIALECT: Final = "x-wardgate-refused-dialect"
INTERNAL_HEADERS: Final = (
    PROXIED_CLIENT, PROXIED_JTI, PROXIED_CREDENTIAL, PROXIED_BOUND, PROXIED_ASID, PROXIED_SCOPE, PROXIED_ISSUER,
    PROXIED_SESSION, PROXIED_LEVEL, PROXIED_USER, PROXIED_PROVIDER, PROXIED_PATIENT, PROXIED_ROLE, PROXIED_SYSTEM,
    PROXIED_ORGANISATIONS, PROXIED_INTERACTION, MESSAGE_ID, LISTENER, GIVEN_REQUEST_ID,
)


def named(name: str, type_url: str, /, **config: Any) -> JSON:
    """Return a TypedExtensionConfig."""
    return {"name": name, "typed_config": {"@type": type_url, **config}}


def plain(resource: JSON) -> JSON:
    """Return a resource without its type, as a bootstrap holds it by value."""
    return {key: value for key, value in resource.items() if key != "@type"}


def duration(seconds: float) -> str:
    """Return a protobuf duration."""
    return f"{seconds:.3f}s".replace(".000s", "s")


def action(name: str, *, allow: bool) -> JSON:
    """Return the on_match of an RBAC matcher: the action's name is the reason, or what the request was found to be."""
    verdict = {"name": name, "action": "ALLOW" if allow else "DENY"}
    return {"action": named("action", T + "envoy.config.rbac.v3.Action", **verdict)}


def header_input(name: str) -> JSON:
    """Return a matcher input that reads one request header."""
    return named("header", T + "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=name)


def state_input(key: State) -> JSON:
    """Return a matcher input that reads one filter state object.

    NOTE: `DynamicMetadataInput` never matches in an exact map, and says nothing; do not use it in its place.
    """
    return named("state", T + "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput", key=str(key))


def tree(source: JSON, entries: Mapping[str, JSON], on_no_match: JSON) -> JSON:
    """Return an on_match that looks one value up in a hash map; an empty map is left out, not matched in vain."""
    if not entries:
        return on_no_match
    found = {"input": source, "exact_match_map": {"map": dict(entries)}}
    return {"matcher": {"matcher_tree": found, "on_no_match": on_no_match}}


def rbac_matcher(root: JSON, prefix: str = "") -> JSON:
    """Return an RBAC filter from a tree. `prefix` names its verdict in dynamic metadata, `<prefix>enforced_effective_policy_id`."""
    matcher = root.get("matcher")
    if matcher is None:  # a tree without entries: one action for everything
        matcher = {"on_no_match": root}
    config: JSON = {"@type": RBAC, "matcher": matcher}
    return config | ({"rules_stat_prefix": prefix} if prefix else {})


def deny_all(name: str) -> JSON:
    """Return an RBAC filter that refuses everything with one reason."""
    policy = {"permissions": [{"any": True}], "principals": [{"any": True}]}
    return {"@type": RBAC, "rules": {"action": "DENY", "policies": {name: policy}}}
