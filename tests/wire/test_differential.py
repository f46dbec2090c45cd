"""Envoy and the rule book agree: same outcome, same reason, same status, for generated requests in generated worlds.

The seed is fixed, so a run can be repeated; WARDGATE_SEED takes another, WARDGATE_EXAMPLES more of them. A batch is not
shrunk: each disagreement is one request in one world already, and all of them are shown.
"""

import json
import os
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from wardgate.catalogue import IdentityHeaders, Route
from wardgate.catalogue.model import RoleRule
from wardgate.catalogue.paths import Found, RouteMatcher
from wardgate.security_patterns.decide import decide
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.snapshot import Snapshot
from wire.caller import Answer, caller_of
from wire.cast import CHANGES, Cast
from wire.requests_strategy import SPELLINGS, Ask, asks
from wire.systems_cast import SystemAsk, world_of, worlds_and_calls

SEED = int(os.environ.get("WARDGATE_SEED", "20261121"))
BATCH = 50
EXAMPLES = {"native": int(os.environ.get("WARDGATE_EXAMPLES", "60")), "asked": 10, "answer": 8, "systems": int(os.environ.get("WARDGATE_EXAMPLES", "30"))}
PEOPLE = ("alpha", "alpha", "beta", "outsider", "without", "pending", "stray", "nameless", "cn-only", "two-names", "other-cn",
          "cn-and-more", "smuggled-cn", None)
SYSTEMS_PEOPLE = ("alpha", "alpha", "alpha", "beta", "beta", "outsider", "spare", "cn-only", "two-names", "other-cn", "cn-and-more", "smuggled-cn", "nameless", None)
NEVER_AT_THE_BACKEND = ("authorization", "apikey", "x-request-id", "x-forwarded-client-cert")
HEALTH = ("/_ping", "/_status")


@dataclass
class Comparison:
    """One Envoy, and how many requests it has answered as the rule book does."""

    plane: Any
    cast: Cast
    asked: bool
    profile: str
    count: int = 0
    resumed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)
    publishing_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.caller = caller_of(self.plane, self.cast.roots)

    def world(self, changes: tuple[str, ...]) -> Snapshot:
        """Return the world after these changes."""
        found = self.cast.snapshot(self.plane.backend_url, profile=self.profile, asked=self.asked)
        for name in changes:
            found = CHANGES[name](found, self.cast)
        return found

    def put(self, snapshot: Snapshot) -> None:
        """Publish and wait until Envoy has confirmed."""
        started = time.monotonic()
        self.plane.publish(snapshot)
        self.publishing_seconds += time.monotonic() - started

    def fold(self) -> None:
        """Move the overlay into the big map, as happens when it has been quiet."""
        publisher = self.plane.publisher
        for _ in range(2):  # first the map, then the overlay without what the map now says
            publisher._changed_at = -1000.0
            self.plane.run(publisher.fold(datetime.now(UTC)))
            self.plane.wait_confirmed()

    def compare(self, asked: Sequence[Ask | SystemAsk], snapshot: Snapshot, when: str) -> None:
        """Send each request and hold the answer against the decision."""
        routes = RouteMatcher(snapshot.apis)
        for ask in asked:
            if ask.path.endswith(HEALTH):
                continue
            decision = decide(ask.facts(self.cast), snapshot, routes)
            code = decision.refusal.reason.code if decision.refusal else "allowed"
            status = decision.refusal.reason.status if decision.refusal else 200
            answer = self._send(ask)
            self.count += 1
            self.reasons[code] += 1
            given = (answer, status) if isinstance(answer, str) else (answer.reason or "allowed", answer.status)  # an alert has no status
            if given != (code, status):
                self.disagreements.append(f"{when}: {ask}\n    rule book {code} {status}, Envoy {given}")
            elif isinstance(answer, Answer) and decision.allowed and ask.method != "HEAD":
                self._backend_saw(ask, decision, json.loads(answer.body)["headers"], routes)

    def _send(self, ask: Ask | SystemAsk) -> Answer | str:
        person = self.cast.people[ask.who] if ask.who and ask.listener == "mtls" else None
        path = SPELLINGS[ask.spelling](ask.path)
        try:
            answer, connection = self.caller.send(ask.how, ask.listener, ask.method, path, ask.headers(self.cast),
                                                  identity=person.identity if person else None, version=ask.version)
        except (ssl.SSLError, ConnectionResetError):
            assert ask.listener == "mtls"
            assert person is None, "only a caller without a certificate meets an alert here"
            return "certificate-missing"
        self.resumed += connection.resumed
        if connection._left:
            self.disagreements.append(f"{ask}: {len(connection._left)} bytes after the answer's end")
            connection.close()
        return answer

    def _backend_saw(self, ask: Ask | SystemAsk, decision: Decision, seen: dict[str, str], routes: RouteMatcher) -> None:
        """The backend learns who calls, where the route says so, and no credential."""
        leaked = [name for name in seen if name in NEVER_AT_THE_BACKEND or name.startswith("x-wardgate-")]
        found = routes.find(ask.method, ask.path)
        assert isinstance(found, Found)
        identity = found.route.identity_headers
        client = self.cast_client(decision)
        told = {identity.application: decision.application, identity.asid: client.asid if client else None} if identity else {}
        told |= _told_of_user(found.route, decision)
        told |= {identity.system: decision.call.sender, identity.interaction: decision.call.interaction} if identity and decision.call else {}
        wrong = [name for name, value in told.items() if name and seen.get(name.lower()) != value]
        if leaked or wrong:
            self.disagreements.append(f"{ask}: the backend saw {leaked or seen}, wrong {wrong} for {decision.application}")

    def cast_client(self, decision: Decision) -> Any:
        """Return the application that was let in, if one was."""
        assert self.plane.snapshot is not None
        return self.plane.snapshot.clients.get(decision.application)


def _told_of_user(route: Route, decision: Decision) -> dict[str | None, str | None]:
    """Return the headers that are about the user, as the spec says them: `identity_headers`, and the role where one is chosen."""
    user, identity = decision.user, route.identity_headers or IdentityHeaders()
    worker = user is not None and user.level.startswith("aal")
    told = {identity.user: user.user if user and worker else None, identity.issuer: user.issuer if user else None,
            identity.patient: user.patient if user else None}
    if route.role is RoleRule.NONE:
        return told
    assert decision.role is not None or not worker
    return told | {"NHSD-Session-URID": None, (identity.role or "NHSD-Session-URID"): decision.role}


@pytest.mark.parametrize("kind", ["native", "asked", "answer"])
def test_envoy_and_the_rule_book_agree(kind: str, cast: Cast, new_plane: Callable[..., AbstractContextManager[Any]],
                                       capsys: pytest.CaptureFixture[str]) -> None:
    """Every generated request gets the same outcome, reason and status from Envoy as from `decide` on the same facts."""
    profile = "answer" if kind == "answer" else "verify"
    started = time.monotonic()
    with new_plane(profile=profile, asked=kind == "asked") as plane:
        comparison = Comparison(plane, cast, kind == "asked", profile)

        @seed(SEED)
        @settings(max_examples=EXAMPLES[kind], deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example])
        @given(changes=st.lists(st.sampled_from(sorted(CHANGES)), max_size=4, unique=True).map(tuple),
               batch=st.lists(asks(cast, PEOPLE), min_size=BATCH, max_size=BATCH), fold=st.booleans())
        def same(changes: tuple[str, ...], batch: list[Ask], fold: bool) -> None:
            snapshot = comparison.world(changes)
            comparison.put(snapshot)
            half = len(batch) // 2
            comparison.compare(batch[:half], snapshot, f"after {changes}")
            if fold:
                comparison.fold()
            comparison.compare(batch[half:], snapshot, f"after {changes}{', folded' if fold else ''}")

        try:
            same()
        finally:
            comparison.caller.close()
            with capsys.disabled():
                print(f"\n  {kind}: {comparison.count} requests ({comparison.resumed} on resumed sessions), seed {SEED}, "
                      f"{time.monotonic() - started:.1f} s of which {comparison.publishing_seconds:.1f} s publishing; "
                      f"{len(comparison.reasons)} outcomes: {dict(comparison.reasons.most_common())}")
        assert not comparison.disagreements, "\n".join(comparison.disagreements[:40])
        assert comparison.count >= 0.9 * EXAMPLES[kind] * BATCH
        assert comparison.resumed > 0 or kind == "answer"
        assert comparison.reasons["allowed"] > comparison.count / 20


def test_envoy_and_the_rule_book_agree_on_systems(cast: Cast, new_plane: Callable[..., AbstractContextManager[Any]],
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    """The same for calls between systems, each batch in a directory of its own."""
    started = time.monotonic()
    with new_plane(make=lambda url: world_of(cast, url)) as plane:
        comparison = Comparison(plane, cast, asked=False, profile="verify")

        @seed(SEED)
        @settings(max_examples=EXAMPLES["systems"], deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example])
        @given(drawn=worlds_and_calls(SYSTEMS_PEOPLE, BATCH), fold=st.booleans())
        def same(drawn: tuple[dict[str, Any], list[SystemAsk]], fold: bool) -> None:
            directory, batch = drawn
            snapshot = world_of(cast, plane.backend_url, directory)
            comparison.put(snapshot)
            comparison.compare(batch[:BATCH // 2], snapshot, f"among {sorted(directory)}")
            if fold:
                comparison.fold()
            comparison.compare(batch[BATCH // 2:], snapshot, f"among {sorted(directory)}{', folded' if fold else ''}")

        try:
            same()
        finally:
            comparison.caller.close()
            with capsys.disabled():
                print(f"\n  systems: {comparison.count} requests, seed {SEED}, {time.monotonic() - started:.1f} s of which "
                      f"{comparison.publishing_seconds:.1f} s publishing; {len(comparison.reasons)} outcomes: {dict(comparison.reasons.most_common())}")
        assert not comparison.disagreements, "\n".join(comparison.disagreements[:40])
        assert comparison.count >= 0.9 * EXAMPLES["systems"] * BATCH
        assert comparison.reasons["allowed"] > comparison.count / 20
