"""One request, one decision. The compiled form in Envoy must give the same outcome and the same reason.

1. The door: the mutual-TLS port serves valid, unrevoked certificates only.
2. The route: by path and method.
3. Open access asks nothing more. A route by ASID has an order of its own (`asid`, and `secure_proxy` where the call is relayed).
4. The credentials that were presented choose among the route's alternatives; with none, the first one names what is missing.
   Alternatives that read the same credential, an access token, are judged together: the token fits one of them at most.
5. One credential: identify the application, then its quotas, its standing, and what a token adds (binding, kind of caller,
   level, scopes). Any one enough; if none is, the refusal of the first one presented.
6. The role that the call acts in, where the route asks for one.
7. The route's own rule about X-Request-ID.
8. What a translated route adds and answers in words of its own (`translate`), which has 6 and 7 among its checks.

Short limits (a minute or less) are counted by Envoy and are no part of the decision.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from wardgate.applications import Profile
from wardgate.catalogue import API, Alternative, Pattern, Route
from wardgate.catalogue.model import RequestIDRule
from wardgate.catalogue.paths import Found, Match, MethodNotAllowed, RouteMatcher
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns import (
    access_token,
    api_key,
    asid,
    request_id,
    role,
    secure_proxy,
    standing,
    tls_ma,
    token_kind,
    translate,
)
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.proof import Proof
from wardgate.security_patterns.snapshot import Snapshot

GIVEN_REQUEST_ID: Final = request_id.GIVEN
"""Where Envoy keeps the caller's X-Request-ID after it has put a proper one in its place."""

PRESENTED: Final[Mapping[Pattern, Callable[[Facts], bool]]] = {
    Pattern.API_KEY: lambda facts: api_key.HEADER in facts.headers,
    Pattern.SIGNED_JWT: lambda facts: access_token.HEADER in facts.headers,
    Pattern.USER_RESTRICTED: lambda facts: access_token.HEADER in facts.headers,
    Pattern.TLS_MA: lambda facts: facts.certificate is not None,
}
IDENTIFY: Final[Mapping[Pattern, Callable[[Facts, Snapshot], Proof | Refusal]]] = {
    Pattern.API_KEY: api_key.identify,
    Pattern.SIGNED_JWT: access_token.identify,
    Pattern.USER_RESTRICTED: access_token.identify,
    Pattern.TLS_MA: tls_ma.identify,
}


def decide(facts: Facts, snapshot: Snapshot, routes: RouteMatcher) -> Decision:
    """Decide one request. `routes` is the matcher over `snapshot.apis`, made once per snapshot."""
    return decide_at(routes.find(facts.method, facts.path), facts, snapshot)


def decide_at(found: Match, facts: Facts, snapshot: Snapshot) -> Decision:
    """Decide one request whose route has been looked up."""
    if (refusal := tls_ma.admit(facts, snapshot)) is not None:  # (1)
        return Decision(allowed=False, refusal=refusal)
    if isinstance(found, MethodNotAllowed):  # (2)
        refusal = _method_refused(found, facts.method)
        return Decision(allowed=False, refusal=refusal, api=found.api.name)
    if not isinstance(found, Found):
        return Decision(allowed=False, refusal=Refusal(reason("route-not-found"), expected="a path of a route"))
    judged = _judge_route(facts, snapshot, found.api, found.route)
    if found.route.translate is not None:  # (8)
        return translate.judge(judged, facts, snapshot, found.api, found.route)
    if judged.allowed and role.needed(found.route, judged.user):  # (6)
        judged = _in_role(judged, facts, snapshot, found.route)
    if judged.allowed and request_id.rule(found.api, found.route) is RequestIDRule.REQUIRED:  # (7)
        given = facts.headers.get(GIVEN_REQUEST_ID, facts.headers.get("x-request-id"))
        if (refusal := request_id.check(given)) is not None:
            return _refused(judged, refusal)
    return judged


def _method_refused(found: MethodNotAllowed, method: str) -> Refusal:
    if found.api.relays:
        return secure_proxy.method_refused(method)
    return Refusal(reason("method-not-allowed"), expected=", ".join(found.allowed), received=method)


def _refused(judged: Decision, refusal: Refusal) -> Decision:
    return replace(judged, allowed=False, refusal=refusal, proved=())


def _judge_route(facts: Facts, snapshot: Snapshot, api: API, route: Route) -> Decision:
    if route.pattern is Pattern.ASID_INTERACTION:
        judge = secure_proxy.judge if api.relays else asid.judge
        return judge(facts, snapshot, api, route)
    if any(alternative.pattern is Pattern.OPEN_ACCESS for alternative in route.alternatives):  # (3)
        refusal = standing.over_quota("", api.name, snapshot, facts.now)
        return Decision(allowed=refusal is None, refusal=refusal, pattern=Pattern.OPEN_ACCESS, api=api.name,
                        route=route.path, proved=("the route is open to everyone",))
    ways = token_kind.ways(route)
    presented = [way for way in ways if PRESENTED[way[0].pattern](facts)]  # (4)
    judged = [_judge(facts, snapshot, api, route, way) for way in presented or ways[:1]]  # (5)
    return next((decision for decision in judged if decision.allowed), judged[0])


def _judge(facts: Facts, snapshot: Snapshot, api: API, route: Route, way: tuple[Alternative, ...]) -> Decision:
    proof = IDENTIFY[way[0].pattern](facts, snapshot)
    if isinstance(proof, Refusal):
        return Decision(allowed=False, refusal=proof, pattern=way[0].pattern, api=api.name, route=route.path,
                        application=proof.values.get("application"))
    fitting = token_kind.alternative_of(way, proof.user) if proof.pattern in token_kind.BEARER else way[0]
    refusal = _short_of(proof, facts, snapshot, api, route, way)
    proved = (*proof.statements, f"{proof.application} is approved for {api.name}") if refusal is None else proof.statements
    if refusal is None and proof.user is not None:
        proved = (*proved, f"a {token_kind.mode_of(proof.user)} signed in at {proof.user.level.lower()}")
    return Decision(allowed=refusal is None, refusal=refusal, pattern=(fitting or way[0]).pattern, application=proof.application,
                    api=api.name, route=route.path, user=proof.user, proved=proved)


def _short_of(
    proof: Proof, facts: Facts, snapshot: Snapshot, api: API, route: Route, way: tuple[Alternative, ...]
) -> Refusal | None:
    name = proof.application
    if (quota := standing.over_quota(name, api.name, snapshot, facts.now)) is not None:
        return quota
    if (short := standing.standing(snapshot.clients.get(name), api.name)) is not None:
        return standing.refuse(proof.pattern, short, name, api.name)
    if proof.pattern in token_kind.BEARER:
        return access_token.check_bound(proof, facts) or token_kind.check_scopes(proof.scopes or (), proof.user, api, route, way, name)
    return None


def _in_role(judged: Decision, facts: Facts, snapshot: Snapshot, route: Route) -> Decision:
    header, application = facts.headers.get(role.HEADER), judged.application or ""
    client = snapshot.clients.get(application)
    chosen = role.choose(role.Wanted(header, judged.user, client.profile if client else Profile.STRICT, snapshot.roles))
    if not isinstance(chosen, str):
        return _refused(judged, role.refuse(chosen, route, header, application))
    return replace(judged, role=chosen, proved=(*judged.proved, "a role was chosen"))
