"""The one-click persona: the user name alone. It proves nothing, and lets a tester choose what it pretends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from wardgate.identities import User
from wardgate.identities.patient import Credential
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.authenticators import LEVELS as ASSURANCE
from wardgate.oidc.authenticators import Authenticator, acr_of, strongest
from wardgate.oidc.vectors import LEVELS
from wardgate.standins.errors import RedirectRefused
from wardgate.standins.methods.seam import Attempt, Form, NotProved, Question
from wardgate.standins.next_step import SEARCHED_FROM
from wardgate.standins.sessions import SignIn
from wardgate.standins.transactions import Transaction

PERSONA: Final = "persona"
CREDENTIALS: Final[tuple[str, ...]] = get_args(Credential)
CREDENTIAL_NAMES: Final = {
    "Cp": "password", "Cp.Cd": "password and known device", "Cp.Ck": "password and shared key", "Cm": "passkey",
}
LEVEL_NAMES: Final = {
    "AAL3": "Assurance level 3 (AAL3): smartcard, passkey or security key",
    "AAL2": "Assurance level 2 (AAL2): one-time code, or NHSmail",
    "AAL1": "Assurance level 1 (AAL1): password",
    "P9": "Level P9: identity proved", "P5": "Level P5: details matched", "P0": "Level P0: identity not proved",
}
"""The groups of the list, the highest level first."""
PRETEND: Final = "pretend"
"""The field `form` of the form in which a tester chooses what to pretend."""
SHOWN_PEOPLE: Final = 50
"""On one page; the others are found by the search."""
MAX_SEARCH_CHARS: Final = 100


@dataclass(frozen=True, slots=True)
class Persona:
    """One click: the user name alone."""

    name: str = PERSONA
    label: str = "one click"

    def fits(self, attempt: Attempt) -> bool:  # noqa: ARG002 - the others look at it
        """A tester may pretend anything."""
        return True

    async def ask(self, attempt: Attempt) -> Question:
        """Return the page of a user name, of a list of everybody, and of how somebody signs in."""
        kind, form = attempt.surface.kind, attempt.form
        search = attempt.query.get("q", "")[:MAX_SEARCH_CHARS]
        everybody = attempt.deps.identities().people(kind)
        people = _found(everybody, search)
        return Question("sign_in.jinja", {
            "entered": form.get("username", "") or attempt.transaction.request.login_hint or "", "search": search,
            "groups": _grouped(people[:SHOWN_PEOPLE]), "found": len(people), "hidden": max(0, len(people) - SHOWN_PEOPLE),
            "searched": len(everybody) >= SEARCHED_FROM, "is_worker": kind is ProviderKind.CIS2,
            "pretended": form.get("form") == PRETEND, "choices": _choices(kind, form), "consent": form.get("consent", "ask"),
        })

    async def prove(self, attempt: Attempt) -> SignIn:
        """Return the person as described, unless the form says otherwise."""
        transaction, form, kind = attempt.transaction, attempt.form, attempt.surface.kind
        user = attempt.deps.identities().person(kind, form.get("username", "").strip())
        if user is None:
            raise NotProved("There is nobody of this user name here. Choose one of the people listed below.")
        moment = int(attempt.deps.now().timestamp())
        return (_worker if kind is ProviderKind.CIS2 else _patient)(user, transaction, form, moment)


def _found(people: Sequence[User], search: str) -> Sequence[User]:
    words = search.casefold().split()
    return [user for user in people if all(word in f"{user.username} {user.name} {user.note}".casefold() for word in words)]


def _grouped(people: Sequence[User]) -> list[tuple[str, list[tuple[User, str]]]]:
    """Return the people under the names of the levels they reach, the highest first, each with what to know of them."""
    held = [(title, [(user, _told(user)) for user in people if _level(user) == level]) for level, title in LEVEL_NAMES.items()]
    return [(title, some) for title, some in held if some]


def _level(user: User) -> str:
    if user.worker is not None:
        return f"AAL{max(ASSURANCE[one] for one in user.worker.authenticators)}"
    return user.patient.identity_proofing_level if user.patient is not None else ""


def _told(user: User) -> str:
    """Return a worker's levels and role codes, a patient's ways of signing in."""
    if user.worker is not None:
        levels = sorted({ASSURANCE[one] for one in user.worker.authenticators}, reverse=True)
        codes = dict.fromkeys(role.role_code.rpartition(":")[2] for role in user.worker.roles)
        return ", ".join([*(f"AAL{level}" for level in levels), *list(codes)[:4]])
    held = [CREDENTIAL_NAMES[one] for one in user.patient.credentials] if user.patient is not None else []
    return " or ".join(held).capitalize()


def _choices(kind: ProviderKind, form: Form) -> list[dict[str, Any]]:
    """Return what a tester may pretend, as the design system's select boxes, with what was chosen before."""
    if kind is ProviderKind.CIS2:
        authenticators = [(one.value, f"AAL{level}: {acr_of(one)}") for one, level in ASSURANCE.items()]
        return [_select("authenticator", "Authenticator", "One the person has", authenticators, form),
                _select("identity_assurance_level", "Identity assurance level", "The person's", [(str(one), str(one)) for one in range(3, -1, -1)], form)]
    credentials = [(one, f"{one}: {CREDENTIAL_NAMES[one]}") for one in CREDENTIALS]
    return [_select("identity_proofing_level", "Level of proof of identity", "The person's", [(one, one) for one in LEVELS], form),
            _select("credential", "Credential", "One the person has", credentials, form)]


def _select(name: str, label: str, usual: str, options: Sequence[tuple[str, str]], form: Form) -> dict[str, Any]:
    items = [{"value": value, "text": text} for value, text in (("", usual), *options)]
    return {"name": name, "id": name, "label": {"text": label}, "items": items, "value": form.get(name)}


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
        raise RedirectRefused.by("idp-acr-out-of-reach")
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
