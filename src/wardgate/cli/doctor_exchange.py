"""An ID token before it is exchanged: the checks of user-restricted 3.3 on it, and the words of the first that fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.cli.fetched import fetched
from wardgate.cli.options import read_input
from wardgate.cli.output import pairs
from wardgate.cli.prognosis import Finding, report
from wardgate.identities import Identities
from wardgate.jose import InvalidJWKSet, JWKSet, KeyRules, MalformedJWT, UnverifiedJWT, parse_jwk_set
from wardgate.keystores.rsa import CalendarKeys
from wardgate.oauth import PROFILES, CheckResult, OAuthRefused, explain_assertion
from wardgate.oauth.explain_exchange import NUMBERED, ROW_OF, Explained, explain_exchange
from wardgate.oauth.providers import Provider, UnsoundDiscovery, by_issuer, read_discovery, stated_endpoints
from wardgate.outbound import JWKSUnavailable
from wardgate.refusals import CATALOGUE, Refusal
from wardgate.security_patterns.snapshot import Client, Snapshot
from wardgate.server.sign_in import KEY_OVERLAP, KEY_PERIOD, providers_of
from wardgate.standins.dependencies import ALGORITHMS
from wardgate.standins.surfaces import PREFIXES
from wardgate.stores.ports import Values

KEY_CHECK: Final = "assertion-kid-unknown"
"""Before this check the server finds out who the client is."""


@dataclass(frozen=True, slots=True)
class _Looking:
    """The store's values for one who only looks: what is missing is made up, and not kept."""

    values: Values

    def get(self, name: str) -> str | None:
        """Return what is kept."""
        return self.values.get(name)

    def set_if_absent(self, name: str, value: str) -> str:
        """Return what is kept, else the value, which is kept by nobody."""
        return self.values.get(name) or value

    def put(self, name: str, value: str | None) -> None:
        """Keep nothing."""


def exchange_report(
    world: World, snapshot: Snapshot, text: str, now: datetime, issuer: str, assertion: Path | None, app: str | None
) -> tuple[dict[str, Any], list[str], bool]:
    """Return the report in both forms, and whether the token endpoint would take the token."""
    base_path = "/" + issuer.rpartition("/")[2]
    findings: list[Finding] = []
    client = _client(snapshot, app) if app is not None else None
    if assertion is not None:
        findings, known = _assertion(snapshot, read_input(assertion, "the assertion").decode("utf-8", "replace").strip(), now, issuer)
        client = client or known
    explained = Explained(())
    if not any(finding.outcome == "failed" for finding in findings):
        providers = _providers(world, snapshot)
        explained = explain_exchange(text, now, lambda named: by_issuer(providers, base_path, named),
                                     lambda provider: _keys(world, provider, now), client.scopes if client is not None else None,
                                     client.provider_client_ids if client is not None else ())
        findings += [_passed(code) for code in explained.held]
        findings += [_failed(explained.refused)] if explained.refused is not None else []
    return _report(findings, explained, _told(explained, text, client, now))


def _client(snapshot: Snapshot, app: str) -> Client:
    found = snapshot.clients.get(app)
    if found is None:
        raise Failed(f"there is no application {app}: wardgate app list")
    return found


def _providers(world: World, snapshot: Snapshot) -> Sequence[Provider]:
    _, manifest = world.manifest()
    return providers_of(Identities(manifest.identity_providers), snapshot.environment.public_urls, _Looking(world.stores.values))


def _keys(world: World, provider: Provider, now: datetime) -> JWKSet:
    """Return a provider's keys: a stand-in's from the store, another's from its address. Raises `OAuthRefused` row 34."""
    try:
        endpoints = stated_endpoints(provider)
        if endpoints is not None and any(part in endpoints.jwks for part in PREFIXES):
            keys = CalendarKeys(_Looking(world.stores.values), f"stand-in-key/{provider.kind}", ALGORITHMS[provider.kind], KEY_PERIOD, KEY_OVERLAP)
            return parse_jwk_set({"keys": [key.public_jwk() for key in keys.published(now)]}, KeyRules())
        if endpoints is None:
            endpoints = read_discovery(fetched(provider.discovery_url), provider)
        return parse_jwk_set(fetched(endpoints.jwks), KeyRules())
    except (JWKSUnavailable, InvalidJWKSet, UnsoundDiscovery) as fault:
        raise OAuthRefused("provider-keys-unavailable", fault.expected, fault.received) from None


def _assertion(snapshot: Snapshot, text: str, now: datetime, issuer: str) -> tuple[list[Finding], Client | None]:
    """Return rows 3 to 21 on the assertion, and whose it is; the key set of an address is not fetched, so its checks end there."""
    key = snapshot.api_keys.get(_subject(text))
    client = snapshot.clients.get(key.application) if key is not None else None
    profile = PROFILES[client.profile if client is not None else snapshot.environment.profile]
    keys = parse_jwk_set(client.jwks, KeyRules()) if client is not None and client.jwks is not None else None
    audiences = frozenset({f"{url}{path}/token" for url in snapshot.environment.public_urls for path in ("/oauth2", "/oauth2-mock")})
    results = explain_assertion(text, now, profile, audiences | ({issuer} if profile.issuer_is_audience else set()), keys)
    at = next((place for place, result in enumerate(results) if result.code == KEY_CHECK), len(results))
    findings = [_of(result) for result in results[:at]]
    if all(result.holds for result in results[:at]):
        refused = _standing(client, revoked=key is not None and key.revoked)
        findings += [_failed(refused)] if refused is not None else [_passed("client-unknown"), *(_of(result) for result in results[at:])]
    return findings, client


def _subject(text: str) -> str:
    try:
        return str(UnverifiedJWT.parse(text).claims.get("sub"))
    except MalformedJWT:
        return ""


def _standing(client: Client | None, *, revoked: bool) -> OAuthRefused | None:
    """Rows 16 and 17."""
    if client is None:
        return OAuthRefused("client-unknown", "an API key of this environment", "another sub")
    if revoked or client.refused is not None:
        return OAuthRefused("client-not-approved", "an approved application with an approved, unexpired key", client.refused or "api-key-revoked")
    if not client.products:
        return OAuthRefused("client-not-subscribed", "at least one approved product", "none")
    if client.jwks is None and client.jwks_url is None:
        return OAuthRefused("public-key-not-registered", "a JWKS URL or an inline key set", "neither")
    return None


def _of(result: CheckResult) -> Finding:
    return _passed(result.code) if result.holds else _failed(OAuthRefused(result.code, result.expected, result.received))


def _passed(code: str) -> Finding:
    return Finding(code, CATALOGUE[code].check, "passed", None, None, None)


def _failed(refused: OAuthRefused) -> Finding:
    reason = CATALOGUE[refused.code]
    return Finding(refused.code, reason.check, "failed", refused.expected, refused.received, reason.advice)


def _report(findings: Sequence[Finding], explained: Explained, told: Mapping[str, str]) -> tuple[dict[str, Any], list[str], bool]:
    data, lines = report("the ID token", findings)
    failed = next((finding for finding in findings if finding.outcome == "failed"), None)
    answer = _answer(failed, explained) if failed is not None else None
    if answer is not None:
        place = f"row {answer['row']} of {len(NUMBERED)}" if answer["row"] else "a check beside the rows"
        lines += ["", f"{place}: the token endpoint answers {answer['status']} {answer['error']}: {answer['error_description']}"]
    lines += ["", *pairs([(name.replace("_", " "), value) for name, value in told.items()])] if told else []
    return {"token": told or None, "answer": answer, "checks": data["checks"]}, lines, bool(data["passed"])


def _answer(failed: Finding, explained: Explained) -> dict[str, Any]:
    """Return what the token endpoint would say: the row's status, and the words of its body but for the message id."""
    reason = CATALOGUE[failed.code]
    values: Mapping[str, str] = explained.refused.values if explained.refused is not None else {}
    refusal = Refusal(reason, failed.expected, failed.received, values)
    return {"row": ROW_OF.get(failed.code), "status": reason.status, "error": refusal.fill(reason.error), "error_description": refusal.fill(reason.text)}


def _told(explained: Explained, text: str, client: Client | None, now: datetime) -> dict[str, str]:
    """Return what is proved, except who the user is; nothing before the signature was."""
    who = explained.who
    if who is None:
        return {}
    expires = UnverifiedJWT.parse(text).claims["exp"]
    told = {
        "provider": who.provider, "level": who.level or "none that is known", "expires": f"in {int(expires - now.timestamp())} s",
        "role": "one was chosen while signing in" if who.role is not None else "", "acts for another": "yes" if who.actor is not None else "",
        "application": client.name if client is not None else "", "scopes": " ".join(explained.scopes),
    }
    return {name: value for name, value in told.items() if value}
