"""The answer to a question of Envoy's: `/decide…` for ext_authz, `/refusal` for explained limits."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from wardgate.audit.model import Event
from wardgate.catalogue import Audit
from wardgate.catalogue.paths import Found, Match, RouteMatcher
from wardgate.dataplane.resources.envoy import RECORD
from wardgate.decisions import limits
from wardgate.decisions.answer import Answer, allowed, form, refused, shape
from wardgate.decisions.question import PREFIX, Question, facts_of
from wardgate.decisions.record import Details, event_of, handed_on
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns.decide import decide_at
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class World:
    """What is in force: a snapshot and the matcher over its routes."""

    snapshot: Snapshot
    routes: RouteMatcher


@dataclass(frozen=True, slots=True)
class ToRecord:
    """An answer that may leave when its event is stored; `otherwise` is said when it cannot be."""

    event: Event
    answer: Answer
    otherwise: Answer


@dataclass(frozen=True, slots=True)
class DecisionService:
    """`record` stores an event durably before it returns, or raises; then the answer is 503 (design 3.4)."""

    world: Callable[[], World]
    now: Callable[[], datetime]
    record: Callable[[Event], Awaitable[None]]
    unavailable: tuple[type[Exception], ...] = ()
    """What `record` raises when it cannot keep its promise."""
    conceal: Callable[[Details], str] | None = None
    """Encrypts what is recorded of a call on its way through Envoy (`stores.ports.AuditLog.conceal`)."""

    def ask(self, question: Question) -> Answer | ToRecord:
        """Return the answer to one question, or what is to be recorded before it."""
        world = self.world()
        now = self.now() + world.snapshot.clock_shift
        if not question.target.startswith(PREFIX + "/"):
            return limits.explain(question.headers, world.snapshot, now)
        facts = facts_of(question, now)
        found = world.routes.find(facts.method, facts.path)
        decision = decide_at(found, facts, world.snapshot)
        answer = self._with_record(_answer(decision, found, facts, world.snapshot), handed_on(decision, facts, found))
        if not isinstance(found, Found) or (found.route.audit or world.snapshot.environment.audit) is not Audit.BEFORE:
            return answer
        unavailable = Refusal(reason("decision-unavailable"))
        otherwise = refused(unavailable, shape(unavailable, found), _message_id(facts), in_form=form(found, facts))
        return ToRecord(event_of(decision, facts, found, world.snapshot.clock_shift), answer, otherwise)

    def _with_record(self, answer: Answer, details: Details) -> Answer:
        """Return the answer with what Envoy shall hand on to the record."""
        if not details or self.conceal is None:
            return answer
        return replace(answer, headers=[*answer.headers, (RECORD.encode(), self.conceal(details).encode())])

    async def recorded(self, decided: ToRecord) -> Answer:
        """Return the answer that may be given once its event has been tried to be stored."""
        try:
            await self.record(decided.event)
        except self.unavailable:
            return decided.otherwise
        return decided.answer


def _message_id(facts: Facts) -> str:
    return facts.headers.get("x-wardgate-message-id", "")


def _answer(decision: Decision, found: Match, facts: Facts, snapshot: Snapshot) -> Answer:
    if decision.refusal is None:
        return allowed(decision, snapshot)
    extra = {"allow": decision.refusal.expected or ""} if decision.refusal.reason.status == 405 else {}
    return refused(decision.refusal, shape(decision.refusal, found), _message_id(facts), extra, form(found, facts))
