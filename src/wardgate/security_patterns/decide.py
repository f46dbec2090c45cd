"""One request, one decision. The compiled form in Envoy must give the same outcome and the same reason.

1. The door: the mutual-TLS port serves valid, unrevoked certificates only.
2. The route: by path and method.
3. Open access asks nothing more.
4. The credentials that were presented choose among the route's alternatives; with none, the first one names what is missing.
5. An alternative: identify the application, then its standing, its quotas, and what the pattern adds (binding, scopes).
   Any one enough; if none is, the refusal of the first one presented.
6. The route's own rule about X-Request-ID.

Short limits (a minute or less) are counted by Envoy and are no part of the decision.
"""

from collections.abc import Callable, Mapping
from typing import Final

from wardgate.catalogue import API, Alternative, Pattern, Route
from wardgate.catalogue.model import RequestIDRule
from wardgate.catalogue.paths import Found, MethodNotAllowed, RouteMatcher
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns import api_key, request_id, signed_jwt, standing, tls_ma
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.proof import Proof
from wardgate.security_patterns.snapshot import Snapshot

GIVEN_REQUEST_ID: Final = "x-wardgate-given-request-id"
"""Where Envoy keeps the caller's X-Request-ID after it has put a proper one in its place."""

PRESENTED: Final[Mapping[Pattern, Callable[[Facts], bool]]] = {
    Pattern.API_KEY: lambda facts: api_key.HEADER in facts.headers,
    Pattern.SIGNED_JWT: lambda facts: signed_jwt.HEADER in facts.headers,
    Pattern.TLS_MA: lambda facts: facts.certificate is not None,
}
IDENTIFY: Final[Mapping[Pattern, Callable[[Facts, Snapshot], Proof | Refusal]]] = {
    Pattern.API_KEY: api_key.identify,
    Pattern.SIGNED_JWT: signed_jwt.identify,
    Pattern.TLS_MA: tls_ma.identify,
}


def decide(facts: Facts, snapshot: Snapshot, routes: RouteMatcher) -> Decision:
    """Decide one request. `routes` is the matcher over `snapshot.apis`, made once per snapshot."""
    if (refusal := tls_ma.admit(facts, snapshot)) is not None:  # (1)
        return Decision(allowed=False, refusal=refusal)
    found = routes.find(facts.method, facts.path)  # (2)
    if isinstance(found, MethodNotAllowed):
        refusal = Refusal(reason("method-not-allowed"), expected=", ".join(found.allowed), received=facts.method)
        return Decision(allowed=False, refusal=refusal, api=found.api.name)
    if not isinstance(found, Found):
        return Decision(allowed=False, refusal=Refusal(reason("route-not-found"), expected="a path of a route"))
    judged = _judge_route(facts, snapshot, found.api, found.route)
    if judged.allowed and request_id.rule(found.api, found.route) is RequestIDRule.REQUIRED:  # (6)
        given = facts.headers.get(GIVEN_REQUEST_ID, facts.headers.get("x-request-id"))
        if (refusal := request_id.check(given)) is not None:
            return Decision(allowed=False, refusal=refusal, pattern=judged.pattern, application=judged.application,
                            api=judged.api, route=judged.route)
    return judged


def _judge_route(facts: Facts, snapshot: Snapshot, api: API, route: Route) -> Decision:
    alternatives = route.alternatives
    if any(alternative.pattern is Pattern.OPEN_ACCESS for alternative in alternatives):  # (3)
        refusal = standing.over_quota("", api.name, snapshot, facts.now)
        return Decision(allowed=refusal is None, refusal=refusal, pattern=Pattern.OPEN_ACCESS, api=api.name,
                        route=route.path, proved=("the route is open to everyone",))
    presented = [alternative for alternative in alternatives if PRESENTED[alternative.pattern](facts)]  # (4)
    judged = [_judge(facts, snapshot, api, route, alternative) for alternative in presented or alternatives[:1]]  # (5)
    return next((decision for decision in judged if decision.allowed), judged[0])


def _judge(facts: Facts, snapshot: Snapshot, api: API, route: Route, alternative: Alternative) -> Decision:
    pattern = alternative.pattern
    proof = IDENTIFY[pattern](facts, snapshot)
    if isinstance(proof, Refusal):
        return Decision(allowed=False, refusal=proof, pattern=pattern, api=api.name, route=route.path,
                        application=proof.values.get("application"))
    refusal = _short_of(proof, facts, snapshot, api, route, alternative)
    proved = (*proof.statements, f"{proof.application} is approved for {api.name}") if refusal is None else proof.statements
    return Decision(allowed=refusal is None, refusal=refusal, pattern=pattern, application=proof.application,
                    api=api.name, route=route.path, proved=proved)


def _short_of(
    proof: Proof, facts: Facts, snapshot: Snapshot, api: API, route: Route, alternative: Alternative
) -> Refusal | None:
    name = proof.application
    if (quota := standing.over_quota(name, api.name, snapshot, facts.now)) is not None:
        return quota
    if (short := standing.standing(snapshot.clients.get(name), api.name)) is not None:
        return standing.refuse(proof.pattern, short, name, api.name)
    if proof.pattern is Pattern.SIGNED_JWT:
        return signed_jwt.check_bound(proof, facts) or signed_jwt.check_scopes(proof, api, route, alternative)
    return None
