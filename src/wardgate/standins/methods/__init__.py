"""The ways to sign in at a stand-in: a table. Each proves who somebody is and says how, from which level, `acr` and `amr` follow.

Owns: what is asked of a person to prove who they are, and the judging of the answer.
Leaves: the pages around it, consent, roles and sessions (`standins.steps`), who people are (`identities`).
Read: seam, persona, failed_tries, password, passkey_ceremony, passkey, smartcard_certificate, smartcard_reader,
smartcard.
"""

from collections.abc import Mapping
from typing import Final

from wardgate.standins.methods.passkey import Passkey
from wardgate.standins.methods.password import Password
from wardgate.standins.methods.persona import Persona
from wardgate.standins.methods.seam import Attempt, Form, Method, NotProved, Question
from wardgate.standins.methods.smartcard import Smartcard

__all__ = ["FIRST", "METHODS", "Attempt", "Form", "Method", "NotProved", "Question", "method_of", "offered"]

METHODS: Final[Mapping[str, Method]] = {method.name: method for method in (Persona(), Password(), Passkey(), Smartcard())}
"""By name, in the order in which they are offered; the first of them when a request names none.

The one-click persona is first: it proves nothing, and lets a tester choose what it pretends.
"""
FIRST: Final[Method] = next(iter(METHODS.values()))


def method_of(parameters: Form) -> Method:
    """Return the method that a form or a query is for. Raises `NotProved`."""
    found = METHODS.get(parameters.get("method", FIRST.name))
    if found is None:
        raise NotProved("There is no such way to sign in here.")
    return found


def offered(attempt: Attempt) -> tuple[Method, ...]:
    """Return the methods that can satisfy the request."""
    return tuple(method for method in METHODS.values() if method.fits(attempt))
