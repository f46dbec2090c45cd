"""A password, and the one-time code of an authenticator app after it (user-restricted 11.3 and 12.3).

At NHS CIS2 the password alone is AAL1 (`USERPASS`), with the code it is AAL2 (`TOTP`); at NHS login they are `Cp` and `Cp.Cd`.
The code is asked for when the request needs it. Nobody learns here whether a user name exists: the same text, counts and work.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool

from wardgate.identities import Patient, User, Worker
from wardgate.identities.one_time_code import DIGITS, key_of, step_of_code, usable_until
from wardgate.identities.password import MAX_PASSWORD_CHARS, NOBODYS, WrongPassword, check_password
from wardgate.keystores.client_secrets import USERS, stated_secret
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.authenticators import ACR_VALUES, Authenticator, strongest
from wardgate.standins.errors import PageRefused, RedirectRefused
from wardgate.standins.methods.failed_tries import Guard, Guarded
from wardgate.standins.methods.seam import Attempt, NotProved, Question
from wardgate.standins.sessions import SignIn
from wardgate.standins.transactions import Transaction
from wardgate.stores.ports import SingleUse

PASSWORD: Final = "password"  # noqa: S105 - the name of a method
TOTP_USES: Final = "totp"
AUTHENTICATORS: Final = (Authenticator.TOTP, Authenticator.USERPASS)
CREDENTIALS: Final = ("Cp", "Cp.Cd")
WITH_CODE: Final = frozenset({Authenticator.TOTP.value, "Cp.Cd"})
_WRONG: Final = "The user name or the password is wrong."
_WRONG_CODE: Final = "The code is wrong, or was used already. Wait for the next one."
_hashing: Final = ThreadPoolExecutor(2, "password")
"""Hashing takes 20 MB and a core each time: two at once, the others wait for a while."""


@dataclass(frozen=True, slots=True)
class Password:
    """User name and password, then the code."""

    name: str = PASSWORD
    label: str = "a password"

    def fits(self, attempt: Attempt) -> bool:
        """Where a password, or a password and a code, are enough."""
        transaction, surface = attempt.transaction, attempt.surface
        request = transaction.request
        if surface.is_realm:
            return True
        if surface.kind is ProviderKind.CIS2:
            return not request.acr_names or any(ACR_VALUES[name] & set(AUTHENTICATORS) for name in request.acr_names)
        return any(_satisfied(transaction, credential) for credential in CREDENTIALS)

    async def ask(self, attempt: Attempt) -> Question:
        """Return the page for user name and password."""
        entered = attempt.form.get("username", "") or attempt.transaction.request.login_hint or ""
        return Question("password.jinja", {"entered": entered[:100]})

    async def prove(self, attempt: Attempt) -> SignIn | Question:
        """Judge the form of the page that was shown last. Raises `NotProved`, `RedirectRefused`."""
        if "username" not in attempt.form and ("code" in attempt.form or attempt.kept(PASSWORD)):  # an empty code is a code, too
            return await _code(attempt)
        return await _password(attempt)


async def _password(attempt: Attempt) -> SignIn | Question:
    deps, username, password = attempt.deps, attempt.form.get("username", "").strip(), attempt.form.get("password", "")
    if not username or not password:
        raise NotProved("Enter your user name and your password.")
    if len(password) > MAX_PASSWORD_CHARS:
        raise NotProved(f"A password has at most {MAX_PASSWORD_CHARS} characters.")
    guard = await Guard.begin(attempt, PASSWORD, Guarded.PASSWORD, username)
    user = deps.identities().person(attempt.surface.kind, username)
    stated = user.password if user is not None else None
    try:
        await _check(stated or NOBODYS, password, deps.settings.password_timeout_seconds)
    except WrongPassword:
        raise await guard.failed("wrong-password", _WRONG) from None
    except TimeoutError:
        await guard.given_up()
        raise PageRefused.by("idp-busy") from None
    if user is None or stated is None:  # nobody's hash has no password: this cannot be reached by trying
        raise await guard.failed("wrong-password", _WRONG)
    await guard.succeeded()
    way = _way_in(user, attempt.transaction, has_code=await _secret(attempt, user) is not None)
    return _code_page(user.username) if way in WITH_CODE else _signed_in(user, attempt, way)


async def _code(attempt: Attempt) -> SignIn:
    deps, username = attempt.deps, attempt.kept(PASSWORD).get("username", "")
    user = deps.identities().person(attempt.surface.kind, username) if username else None
    if user is None:
        raise NotProved("Enter your user name and your password first.")
    page, code = _code_page(user.username), "".join(attempt.form.get("code", "").split())
    if len(code) != DIGITS or not (code.isascii() and code.isdecimal()):
        raise NotProved(f"Enter the {DIGITS} digits that your authenticator app shows.", page)
    guard = await Guard.begin(attempt, PASSWORD, Guarded.CODE, user.username, page)
    secret = await _secret(attempt, user)
    step = step_of_code(key_of(secret), code, deps.real_now()) if secret is not None else None
    if step is None:
        raise await guard.failed("wrong-code", _WRONG_CODE, page)
    if not await deps.claim(SingleUse(f"{TOTP_USES}/{user.kind}", f"{user.username.casefold()}/{step}", usable_until(step))):
        raise await guard.failed("code-used", _WRONG_CODE, page)
    await guard.succeeded()
    return _signed_in(user, attempt, _way_in(user, attempt.transaction, has_code=True))


async def _secret(attempt: Attempt, user: User) -> str | None:
    return await run_in_threadpool(stated_secret, attempt.deps.values, USERS, user.username)


async def _check(phc: str, password: str, timeout_seconds: float) -> None:
    async with asyncio.timeout(timeout_seconds):
        await asyncio.get_running_loop().run_in_executor(_hashing, check_password, phc, password)


def _code_page(username: str) -> Question:
    return Question("one_time_code.jinja", kept={"username": username})


def _signed_in(user: User, attempt: Attempt, way: str) -> SignIn:
    """Return the sign-in: `way` is the authenticator or credential that was proved."""
    moment = int(attempt.deps.now().timestamp())
    if user.worker is not None:
        return SignIn(user.username, PASSWORD, moment, authenticator=Authenticator(way), identity_assurance=user.worker.identity_assurance_level)
    proofing = user.patient.identity_proofing_level if user.patient is not None else None
    return SignIn(user.username, PASSWORD, moment, credential=way, proofing=proofing)


def _way_in(user: User, transaction: Transaction, *, has_code: bool) -> str:
    """Return the authenticator or credential to reach. Raises `RedirectRefused` when the person has none that is enough."""
    if user.worker is not None:
        return _authenticator(user.worker, transaction, has_code=has_code).value
    if user.patient is not None:
        return _credential(user.patient, transaction, has_code=has_code)
    raise ValueError("a user is a worker or a patient")


def _authenticator(worker: Worker, transaction: Transaction, *, has_code: bool) -> Authenticator:
    """The first that `acr_values` prefers; when it prefers none, the one the worker likes best."""
    has = [one for one in worker.authenticators if one in AUTHENTICATORS and (has_code or one not in WITH_CODE)]
    found = strongest(has, () if transaction.surface.is_realm else transaction.request.acr_names)
    if found is None:
        raise RedirectRefused.by("idp-acr-out-of-reach")
    return found


def _credential(patient: Patient, transaction: Transaction, *, has_code: bool) -> str:
    """The password alone where that satisfies a vector, else with the code; at a mock realm what the patient likes best."""
    has: Sequence[str] = [one for one in patient.credentials if one in CREDENTIALS and (has_code or one not in WITH_CODE)]
    if not transaction.surface.is_realm:
        has = [one for one in sorted(has) if _satisfied(transaction, one)]
    if not has:
        raise RedirectRefused.by("idp-vtr-unmet")
    return has[0]


def _satisfied(transaction: Transaction, credential: str) -> bool:
    return any(vector.credentials <= set(credential.split(".")) for vector in transaction.request.vectors)
