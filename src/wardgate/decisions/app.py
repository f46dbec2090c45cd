"""The ASGI application of the private socket: `/decide…` for ext_authz, `/refusal` for explained limits."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wardgate.audit.model import Event, EventType, Outcome, Personal
from wardgate.catalogue import Audit
from wardgate.catalogue.paths import Found, RouteMatcher
from wardgate.decisions import limits
from wardgate.decisions.answer import Answer, allowed, refused
from wardgate.decisions.question import PREFIX, facts_of, headers_of
from wardgate.refusals import Refusal, reason
from wardgate.refusals.dialects import Dialect
from wardgate.security_patterns import role
from wardgate.security_patterns.decide import decide_at
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.security_patterns.token_kind import mode_of


@dataclass(frozen=True, slots=True)
class World:
    """What is in force: a snapshot and the matcher over its routes."""

    snapshot: Snapshot
    routes: RouteMatcher


@dataclass(frozen=True, slots=True)
class DecisionApp:
    """`record` stores an event durably before it returns, or raises; then the answer is 503 (design 3.4)."""

    world: Callable[[], World]
    now: Callable[[], datetime]
    record: Callable[[Event], Awaitable[None]]
    unavailable: tuple[type[Exception], ...] = ()
    """What `record` raises when it cannot keep its promise."""

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Answer one question."""
        del receive  # NOTE: ext_authz sends no body
        headers = headers_of(scope["headers"])
        world, now = self.world(), self.now()
        if scope["path"].startswith(PREFIX + "/"):
            answer = await self._decide(facts_of(scope, headers, now), world)
        else:
            answer = limits.explain(headers, world.snapshot, now)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _decide(self, facts: Facts, world: World) -> Answer:
        found = world.routes.find(facts.method, facts.path)
        decision = decide_at(found, facts, world.snapshot)
        before = isinstance(found, Found) and (found.route.audit or world.snapshot.environment.audit) is Audit.BEFORE
        dialect = (found.route.errors or found.api.errors) if isinstance(found, Found) else Dialect.FAULT
        message_id = facts.headers.get("x-wardgate-message-id", "")
        if before:
            try:
                await self.record(event_of(decision, facts))
            except self.unavailable:
                return refused(Refusal(reason("decision-unavailable")), dialect, message_id)
        if decision.refusal is not None:
            extra = {"allow": decision.refusal.expected or ""} if decision.refusal.reason.code == "method-not-allowed" else {}
            said = role.shape(decision.refusal, found.api, found.route) if isinstance(found, Found) else dialect
            return refused(decision.refusal, said, message_id, extra)
        return allowed(decision, world.snapshot)


def event_of(decision: Decision, facts: Facts) -> Event:
    """Return the record of a decision. Paths are not in it: they may hold a patient's identifier."""
    refusal = decision.refusal
    return Event(
        type=EventType.CALL_DECIDED,
        at=facts.now,
        outcome=Outcome.ALLOWED if decision.allowed else Outcome.REFUSED,
        reason=refusal.reason.code if refusal else None,
        application=decision.application,
        message_id=facts.headers.get("x-wardgate-message-id"),
        request_id=facts.headers.get("x-request-id"),
        correlation_id=facts.headers.get("x-correlation-id"),
        details={
            "api": decision.api, "route": decision.route, "pattern": decision.pattern, "method": facts.method,
            "listener": str(facts.listener), "expected": refusal.expected if refusal else None,
            "received": refusal.received if refusal else None, "proved": "; ".join(decision.proved) or None,
            **_of_user(decision),
        },
    )


def _of_user(decision: Decision) -> dict[str, str | Personal | None]:
    user = decision.user
    if user is None:
        return {}
    mode = mode_of(user)
    return {
        "access_mode": str(mode) if mode else None, "auth_level": user.level.lower(), "sign_in": user.grant, "auth_user_id": Personal(user.user),
        "actor_user_id": Personal(user.actor) if user.actor else None, "role": Personal(decision.role) if decision.role else None,
    }
