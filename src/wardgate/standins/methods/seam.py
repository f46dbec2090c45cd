"""The seam between the pages of a sign-in and the ways to sign in.

A way to sign in is a `Method`. `steps` owns everything around it, once for all of them: the transaction and its browser, the
form's token, limits of size and time, consent, the session, what is recorded. A method owns what is particular to it: which
pages it asks, and what proves the person.

    the person follows a link       GET  ?method=NAME    ->  Method.ask    ->  Question
    the person sends its form       POST method=NAME     ->  Method.prove  ->  SignIn          proved: the sign-in goes on
                                                                               Question        one more page, and then prove again
                                                                               NotProved       the page again, with the problem

What a method has to know when the answer comes (a challenge it made, who has given the right password) it says in
`Question.kept`. That is kept, encrypted, with the transaction and is `Attempt.kept` at the next call of the same method; it is
never sent to the browser. Another page takes its place, so a person who turns to another method begins anew there.
NOTE: two forms of one transaction may arrive at once, and both see the same `kept`. What may count once only (a one-time code,
a challenge) is therefore claimed in one step of the store, `StandIns.claim`, before `prove` believes it.

A template of a `Question` extends `wardgate/layout.jinja`. It is given `action` (where the form posts to), `transaction` (whose
`csrf` the form repeats in the hidden field `csrf`), `method` (which it repeats in the hidden field `method`), `client`, `surface`,
`problem`, `others` (label and address of the other methods), and the question's own values.

To add a method: one file here with a frozen dataclass that has what `Method` asks for, one line in the table `METHODS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from starlette.requests import Request

from wardgate.standins.clients import Client
from wardgate.standins.dependencies import StandIns
from wardgate.standins.sessions import SignIn
from wardgate.standins.surfaces import Surface
from wardgate.standins.transactions import Transaction

Form = Mapping[str, str]
NOTHING: Final[Form] = {}


@dataclass(frozen=True, slots=True)
class Question:
    """A page of a method: its template, what is shown, and what is kept for judging the answer."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict, repr=False)
    status: int = 200


class NotProved(Exception):
    """The form does not prove anybody. `problem` is for the person who sent it, and must not tell whether somebody exists.

    `again` is the page to show it on, the method's first one when None. `recorded`: the method has recorded the failure itself.
    """

    def __init__(self, problem: str, again: Question | None = None, *, recorded: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.again = again
        self.recorded = recorded


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of one sign-in: all that a method may look at."""

    deps: StandIns
    transaction: Transaction
    client: Client
    """Who asked for the sign-in."""
    request: Request
    """For what Envoy tells in headers, such as the client certificate; its body has been read: `form`."""
    query: Form = field(default_factory=dict)
    form: Form = field(default_factory=dict, repr=False)
    """Empty when a page is asked for."""

    @property
    def surface(self) -> Surface:
        """The provider."""
        return self.transaction.surface

    @property
    def source(self) -> str:
        """The address the request comes from: the last of X-Forwarded-For, in however many lines, which Envoy saw and added itself."""
        last = ",".join(self.request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
        return last[:60] or "unknown"

    def kept(self, method: str) -> Form:
        """Return what the last question kept, if it was this method's."""
        held = self.transaction.asked or {}
        return {name: value for name, value in held.items() if name != "method"} if held.get("method") == method else NOTHING


class Method(Protocol):
    """One way to sign in."""

    @property
    def name(self) -> str:
        """Its value of the field `method`, and its name in sessions and records."""

    @property
    def label(self) -> str:
        """What follows `Sign in with` on its link: `a password`."""

    def fits(self, attempt: Attempt) -> bool:
        """Whether to offer it: this installation and provider have it, and it can reach what `acr_values` or `vtr` ask for."""

    async def ask(self, attempt: Attempt) -> Question:
        """Return its first page."""

    async def prove(self, attempt: Attempt) -> SignIn | Question:
        """Return who signed in and how, or the next page. Raises `NotProved`, and `RedirectRefused` when the client is to be told."""
