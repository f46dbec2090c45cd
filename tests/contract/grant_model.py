"""What may be observed of codes, refresh tokens and assertions: a pure model, small enough to be checked by reading.

1. Each assertion, code and refresh token succeeds once; every other use is refused or, in `strict`, repeated.
2. After the end of a grant, nothing of it succeeds.
3. The count of a token is one above that of the token it replaced.
4. `nhs`: a second use is USED, and the family lives. `strict`: within the grace the same successor again, while it is good;
   later, the family ends in the same step. A second use of a code ends it as well.
5. A look that finds nothing is right about it: a step at that moment would be refused, and would end nothing.
6. One event per success, per refused start or code, and per end of a grant; the generation rises with ends only.
"""

from dataclasses import dataclass, replace
from typing import Any

CODE_UNTIL, GRANT_UNTIL = 300, 3_600

Op = tuple[Any, ...]
"""(kind, item, …) of one atomic step: look, rotate, redeem, start or end."""
Answer = tuple[Any, ...]


@dataclass(frozen=True)
class Token:
    """A refresh token: when it was used, and what followed it."""

    grant: str
    count: int
    used: int | None = None
    successor: str | None = None


@dataclass(frozen=True)
class Model:
    """What has been observed so far. Times are seconds from the beginning."""

    grace: int
    ends_family: bool
    assertions: frozenset[str] = frozenset()
    codes: tuple[tuple[str, tuple[str, bool]], ...] = ()
    """By name: the grant, and whether it was used."""
    tokens: tuple[tuple[str, Token], ...] = ()
    grants: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    events: int = 0
    generation: int = 0

    def step(self, op: Op, now: int) -> tuple[Answer, "Model"]:
        """Return the only answer that may be observed, and what is known afterwards."""
        return {
            "look": self._look, "rotate": self._rotate, "redeem": self._redeem, "start": self._start, "end": self._end,
        }[op[0]](op, now)

    def _look(self, op: Op, now: int) -> tuple[Answer, "Model"]:
        _, kind, item = op
        good = {"j": item not in self.assertions, "c": kind == "c" and self._code_state(item, now) in {"good", "used"},
                "t": (token := dict(self.tokens).get(item)) is not None and token.grant not in self.ended}[kind]
        return ("good" if good else "refused",), self

    def _start(self, op: Op, _now: int) -> tuple[Answer, "Model"]:
        _, assertion, grant, token = op
        after = replace(self, events=self.events + 1)
        if assertion in self.assertions:
            return ("refused",), after
        return ("started", token), replace(
            after, assertions=self.assertions | {assertion}, grants=self.grants | {grant},
            tokens=_put(self.tokens, token, Token(grant, 0)),
        )

    def _code_state(self, code: str, now: int) -> str:
        grant, used = dict(self.codes)[code]
        if grant in self.ended or now >= GRANT_UNTIL:
            return "dead"
        return "used" if used else "good" if now < CODE_UNTIL else "over"

    def _redeem(self, op: Op, now: int) -> tuple[Answer, "Model"]:
        _, code, token = op
        state, grant = self._code_state(code, now), dict(self.codes)[code][0]
        after = replace(self, events=self.events + 1)
        if state == "good":
            return ("redeemed", token), replace(
                after, codes=_put(self.codes, code, (grant, True)), tokens=_put(self.tokens, token, Token(grant, 0)),
            )
        if state == "used" and self.ends_family:
            after = replace(after, ended=self.ended | {grant}, generation=self.generation + 1)
        return ("refused",), after

    def _rotate(self, op: Op, now: int) -> tuple[Answer, "Model"]:
        _, name, successor = op
        tokens = dict(self.tokens)
        token = tokens.get(name)
        if token is None or token.grant in self.ended:
            return ("unknown",), self
        if token.used is None:
            if now >= GRANT_UNTIL:
                return ("expired",), self
            used = _put(self.tokens, name, replace(token, used=now, successor=successor))
            after = _put(used, successor, Token(token.grant, token.count + 1))
            return ("rotated", successor, token.count + 1), replace(self, tokens=after, events=self.events + 1)
        assert token.successor is not None
        if now < token.used + self.grace:
            if tokens[token.successor].used is not None:
                return ("used",), self
            return ("repeated", token.successor, token.count + 1), self
        if not self.ends_family:
            return ("used",), self
        return ("ended",), replace(
            self, ended=self.ended | {token.grant}, events=self.events + 1, generation=self.generation + 1,
        )

    def _end(self, op: Op, _now: int) -> tuple[Answer, "Model"]:
        grant = op[1]
        raised = self.generation + (grant not in self.ended)
        return ("over",), replace(self, ended=self.ended | {grant}, events=self.events + 1, generation=raised)


def _put(items: tuple[tuple[str, Any], ...], name: str, value: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted({**dict(items), name: value}.items()))
