"""A passkey or security key, by WebAuthn: AAL3 at NHS CIS2 (`FIDO2`), `Cm` at NHS login (user-restricted 11.3 and 12.3).

Two ways to begin: with any passkey the browser has for this host, or with those of one person. A passkey is registered on a
page of the same sign-in for whoever is named there, as long as the manifest lets them sign in with one: like the one-click
persona, that is for made-up people, of whom nothing has to be proved first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Final

from starlette.concurrency import run_in_threadpool

from wardgate.audit.model import Event, EventType, Outcome, Personal
from wardgate.identities import User
from wardgate.jose import strict_json
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.authenticators import Authenticator, acr_reached
from wardgate.standins.dependencies import StandIns
from wardgate.standins.methods import passkey_ceremony as ceremony
from wardgate.standins.methods.passkey_ceremony import CeremonyFailed, Place
from wardgate.standins.methods.seam import Attempt, NotProved, Question
from wardgate.standins.record import note
from wardgate.standins.sessions import SignIn
from wardgate.stores.errors import AlreadyExists
from wardgate.stores.passkeys import Passkey as Stored
from wardgate.stores.ports import SingleUse

PASSKEY: Final = "passkey"
SCRIPT: Final = "passkey.js"
CHALLENGE_SECONDS: Final = 300
MOST_PASSKEYS: Final = 20
"""Of one person."""
MAX_LABEL_CHARS: Final = 60
MAX_USERNAME_CHARS: Final = 100
CREDENTIAL: Final = "Cm"
HANDLE_KEY: Final = "passkey-user-handles"
"""Under which the store keeps the secret that user handles are made with."""
REGISTER: Final = "register"
SIGN_IN: Final = "sign-in"
_CHALLENGES: Final = "passkey-challenge"
_PROBLEMS: Final[Mapping[str, str]] = {
    "challenge-used": "The page was shown too long ago, or was used already. Try again.",
    "challenge": "The page was shown too long ago, or was used already. Try again.",
    "user-verified": "The passkey did not check who holds it. Use one with a PIN, a fingerprint or a face.",
    "unknown": "This passkey is not registered here, or is not of the person named.",
    "counter": "The passkey cannot be used: its counter says that there is a copy of it. Register another one.",
    "known": "This passkey is registered already.",
    "too-many": f"The person has {MOST_PASSKEYS} passkeys, and cannot have more.",
    "label": f"Enter a name of at most {MAX_LABEL_CHARS} characters for the passkey.",
    "algorithm": "The passkey uses an algorithm that is not accepted here. Use another one.",
}
_ANY_OTHER: Final = "The passkey could not be used. Try again, or choose another way to sign in."


@dataclass(frozen=True, slots=True)
class Passkey:
    """WebAuthn, with the person verified."""

    name: str = PASSKEY
    label: str = "a passkey or security key"

    def fits(self, attempt: Attempt) -> bool:
        """Where the page has a host name, and `acr_values` or `vtr` take a passkey."""
        transaction = attempt.transaction
        if Place.of(transaction.origin) is None:
            return False
        if transaction.surface.is_realm:
            return True
        if transaction.surface.kind is ProviderKind.CIS2:
            return acr_reached(Authenticator.FIDO2, transaction.request.acr_names) is not None
        return any(vector.credentials <= {CREDENTIAL} for vector in transaction.request.vectors)

    async def ask(self, attempt: Attempt) -> Question:
        """Return the page for any passkey, for those of the person named, or for registering one."""
        username = attempt.query.get("username", attempt.form.get("username", ""))[:MAX_USERNAME_CHARS].strip()
        registering = REGISTER in (attempt.query.get("do"), attempt.form.get("do"))
        user = _allowed(attempt, username) if username else None
        place = Place.of(attempt.transaction.origin)
        if place is None:
            return Question("passkey_unavailable.jinja")
        if registering:
            return await _registration(attempt, place, user, username)
        return await _sign_in(attempt, place, user, username)

    async def prove(self, attempt: Attempt) -> SignIn | Question:
        """Return whose passkey it was, or after registering one the page to sign in with it. Raises `NotProved`."""
        place = Place.of(attempt.transaction.origin)
        if place is None:
            return await self.ask(attempt)
        try:
            challenge = await _used_challenge(attempt)
            if attempt.kept(PASSKEY)["do"] == REGISTER:
                user = await _registered(attempt, place, challenge)
                return await _sign_in(attempt, place, user, user.username, registered=True)
            return await _signed_in(attempt, place, challenge)
        except CeremonyFailed as failed:
            await note(attempt.deps, EventType.STAND_IN_REFUSED, Outcome.REFUSED, "sign-in-failed", attempt.surface,
                       attempt.client.client_id, method=PASSKEY, why=failed.why)
            raise NotProved(_PROBLEMS.get(failed.why, _ANY_OTHER), recorded=True) from None


def _allowed(attempt: Attempt, username: str) -> User | None:
    """Return the person of this name, if the manifest lets them sign in with a passkey."""
    user = attempt.deps.identities().person(attempt.surface.kind, username)
    if user is None:
        return None
    if user.worker is not None:
        return user if Authenticator.FIDO2 in user.worker.authenticators else None
    return user if user.patient is not None and CREDENTIAL in user.patient.credentials else None


async def _sign_in(attempt: Attempt, place: Place, user: User | None, entered: str, *, registered: bool = False) -> Question:
    known = await _passkeys_of(attempt.deps, user, place) if user is not None else None
    challenge = attempt.deps.secret()
    options = ceremony.sign_in_options(place, challenge.encode(), known or None)
    kept = {"do": SIGN_IN, "challenge": challenge, "until": str(_until(attempt)), "username": user.username if user is not None and known else ""}
    return Question("passkey.jinja", {
        "options": strict_json.encode(options), "script": SCRIPT, "user": user, "entered": entered, "registered": registered,
        "unknown": bool(entered) and user is None, "known": len(known) if known is not None else None,
    }, kept)


async def _registration(attempt: Attempt, place: Place, user: User | None, entered: str) -> Question:
    values: dict[str, object] = {"user": user, "entered": entered or attempt.transaction.request.login_hint or "",
                                 "unknown": bool(entered) and user is None, "max_label": MAX_LABEL_CHARS}
    if user is None:
        return Question("passkey_register.jinja", values)
    challenge = attempt.deps.secret()
    known = await _passkeys_of(attempt.deps, user, place)
    person = (await _handle(attempt.deps, user), user.username, user.name)
    options = ceremony.registration_options(place, person, challenge.encode(), known)
    kept = {"do": REGISTER, "challenge": challenge, "until": str(_until(attempt)), "username": user.username}
    return Question("passkey_register.jinja", {**values, "options": strict_json.encode(options), "script": SCRIPT}, kept)


async def _used_challenge(attempt: Attempt) -> bytes:
    """Return the challenge of the page that this is the answer of; it is good once, for a while, in this sign-in and browser."""
    kept = attempt.kept(PASSKEY)
    if "challenge" not in kept or int(kept["until"]) <= attempt.deps.now().timestamp():
        raise CeremonyFailed("challenge-used")
    use = SingleUse(_CHALLENGES, kept["challenge"], attempt.deps.now() + timedelta(seconds=2 * CHALLENGE_SECONDS))
    if not await attempt.deps.claim(use):
        raise CeremonyFailed("challenge-used")
    return kept["challenge"].encode()


async def _registered(attempt: Attempt, place: Place, challenge: bytes) -> User:
    """Keep a new passkey and return whose it is."""
    deps, form = attempt.deps, attempt.form
    user = _allowed(attempt, attempt.kept(PASSKEY)["username"])
    label = form.get("label", "").strip()
    if user is None:
        raise CeremonyFailed("person")
    if not 1 <= len(label) <= MAX_LABEL_CHARS or not label.isprintable():
        raise CeremonyFailed("label")
    found = ceremony.check_registration(place, challenge, form)
    stored = Stored(found.credential_id, user.username, place.rp_id, found.public_key, found.sign_count, label, deps.now())
    event = Event(EventType.PASSKEY_REGISTERED, deps.real_now(), Outcome.ALLOWED, details={
        "user": Personal(user.username), "rp_id": place.rp_id, "passkey": sha256(stored.id).hexdigest(), "provider": attempt.surface.kind.value})
    try:
        kept = await run_in_threadpool(deps.passkeys.add, stored, MOST_PASSKEYS, event)
    except AlreadyExists:
        raise CeremonyFailed("known") from None
    if not kept:
        raise CeremonyFailed("too-many")
    return user


async def _signed_in(attempt: Attempt, place: Place, challenge: bytes) -> SignIn:
    """Section 7.2: the passkey is known here, is of the person named or of the one it names itself, and signed this challenge."""
    deps, form = attempt.deps, attempt.form
    credential_id = ceremony.read(form, "credential_id")
    stored = await run_in_threadpool(deps.passkeys.get, credential_id)
    named = attempt.kept(PASSKEY)["username"]
    user = _allowed(attempt, stored.username) if stored is not None else None
    if stored is None or user is None or stored.rp_id != place.rp_id or (named and named != user.username):
        raise CeremonyFailed("unknown")
    handle = ceremony.read(form, "user_handle") if form.get("user_handle") else None
    if (handle is None and not named) or (handle is not None and not compare_digest(handle, await _handle(deps, user))):
        raise CeremonyFailed("user-handle")
    sign_count = ceremony.check_sign_in(place, challenge, form, stored.id, stored.public_key)
    if not await run_in_threadpool(deps.passkeys.use, stored.id, sign_count, deps.now()):
        raise CeremonyFailed("counter")
    moment = int(deps.now().timestamp())
    if user.worker is not None:
        return SignIn(user.username, PASSKEY, moment, authenticator=Authenticator.FIDO2,
                      identity_assurance=user.worker.identity_assurance_level, role=user.worker.selected_role)
    proofing = user.patient.identity_proofing_level if user.patient is not None else None
    return SignIn(user.username, PASSKEY, moment, credential=CREDENTIAL, proofing=proofing)


async def _passkeys_of(deps: StandIns, user: User, place: Place) -> list[bytes]:
    found = await run_in_threadpool(deps.passkeys.of, user.username)
    return [one.id for one in found if one.rp_id == place.rp_id]


async def _handle(deps: StandIns, user: User) -> bytes:
    """Return the person's user handle: the same for ever, on every node, and nothing can be read from it (section 14.6.1)."""
    key = await run_in_threadpool(deps.values.set_if_absent, HANDLE_KEY, deps.secret())
    return digest(key.encode(), f"{user.kind}/{user.username.casefold()}".encode(), "sha256")


def _until(attempt: Attempt) -> int:
    return int(attempt.deps.now().timestamp()) + CHALLENGE_SECONDS
