"""The ways to sign in at a stand-in: a table. Each proves who somebody is and says how, from which level, `acr` and `amr` follow.

The one-click persona is first: it proves nothing, and lets a tester choose what it pretends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, get_args

from wardgate.identities import User
from wardgate.identities.patient import Credential
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.authenticators import Authenticator, strongest
from wardgate.oidc.vectors import LEVELS
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import RedirectRefused
from wardgate.standins.sessions import SignIn
from wardgate.standins.transactions import Transaction

Form = Mapping[str, str]
PERSONA: Final = "persona"
CREDENTIALS: Final[tuple[str, ...]] = get_args(Credential)


class NotProved(Exception):
    """The form does not prove anybody; the text is for the person who sent it."""


class Method(Protocol):
    """One way to sign in."""

    @property
    def name(self) -> str:
        """Its value of the form's field `method`, and its name in records."""

    async def prove(self, deps: StandIns, transaction: Transaction, form: Form) -> SignIn:
        """Return who signed in and how. Raises `NotProved`, and `RedirectRefused` when the client is to be told."""


@dataclass(frozen=True, slots=True)
class Persona:
    """One click: the user name alone."""

    name: str = PERSONA

    async def prove(self, deps: StandIns, transaction: Transaction, form: Form) -> SignIn:
        """Return the person as described, unless the form says otherwise."""
        kind = transaction.surface.kind
        user = deps.identities().person(kind, form.get("username", "").strip())
        if user is None:
            raise NotProved("There is nobody of this user name here. Choose one of the people listed below.")
        moment = int(deps.now().timestamp())
        return (_worker if kind is ProviderKind.CIS2 else _patient)(user, transaction, form, moment)


METHODS: Final[Mapping[str, Method]] = {method.name: method for method in (Persona(),)}
"""By name, the first of them when a form names none."""


def method_of(form: Form) -> Method:
    """Return the method a form is for. Raises `NotProved`."""
    found = METHODS.get(form.get("method", next(iter(METHODS))))
    if found is None:
        raise NotProved("There is no such way to sign in here.")
    return found


def _worker(user: User, transaction: Transaction, form: Form, moment: int) -> SignIn:
    worker = user.worker
    if worker is None:
        raise NotProved("There is nobody of this user name here.")
    chosen = form.get("authenticator")
    if chosen is not None and chosen not in Authenticator.__members__.values():
        raise NotProved("Choose one of the authenticators listed.")
    level = form.get("identity_assurance_level")
    if level is not None and level not in {"0", "1", "2", "3"}:
        raise NotProved("Choose one of the identity assurance levels listed.")
    asked = () if transaction.surface.is_realm else transaction.request.acr_names
    authenticator = Authenticator(chosen) if chosen is not None else strongest(worker.authenticators, asked)
    if authenticator is None:
        raise RedirectRefused("access_denied", "The user cannot sign in as strongly as acr_values asks for")
    assured = int(level) if level is not None else worker.identity_assurance_level
    return SignIn(user.username, PERSONA, moment, authenticator=authenticator, identity_assurance=assured, role=worker.selected_role)


def _patient(user: User, transaction: Transaction, form: Form, moment: int) -> SignIn:
    patient = user.patient
    if patient is None:
        raise NotProved("There is nobody of this user name here.")
    credential = form.get("credential") or _fitting(patient.credentials, transaction)
    proofing = form.get("identity_proofing_level", patient.identity_proofing_level)
    if credential not in CREDENTIALS or proofing not in LEVELS:
        raise NotProved("Choose one of the levels and credentials listed.")
    return SignIn(user.username, PERSONA, moment, credential=credential, proofing=proofing)


def _fitting(credentials: tuple[str, ...], transaction: Transaction) -> str:
    """Return the first credential that satisfies one of the vectors asked for, else the best liked."""
    if transaction.surface.is_realm:
        return credentials[0]
    wanted = [vector.credentials for vector in transaction.request.vectors]
    return next((one for one in credentials if any(needed <= set(one.split(".")) for needed in wanted)), credentials[0])
