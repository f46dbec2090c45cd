"""A sign-in under way: the request that began it, the browser it belongs to, and how far it has come."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from hmac import compare_digest
from json import dumps, loads
from typing import Any

from wardgate.standins.authorization_request import AuthorizationRequest
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import PageRefused
from wardgate.standins.surfaces import SURFACES, Surface
from wardgate.stores.ports import KeptEntry


@dataclass(frozen=True, slots=True)
class Transaction:
    """`id` is in the address of every page; it is good in the browser that began the sign-in only."""

    id: str
    base: str
    origin: str
    browser: str
    """Hash of the browser's cookie."""
    csrf: str
    """What every form of it repeats."""
    request: AuthorizationRequest
    session: str | None = None
    """The session of whoever signed in during this transaction; None before."""
    role_chosen: bool = False
    asked: Mapping[str, str] | None = field(default=None, repr=False)
    """What the page shown last keeps for judging its answer, and the `method` it is of."""

    @property
    def surface(self) -> Surface:
        """The provider this happens at."""
        return SURFACES[self.base]


def begin(deps: StandIns, surface: Surface, origin: str, browser: str, request: AuthorizationRequest) -> Transaction:
    """Return a new sign-in of this browser; `save` keeps it."""
    return Transaction(deps.secret(), surface.base, origin, browser_hash(browser), deps.secret(), request)


def browser_hash(cookie: str) -> str:
    """Return what is kept of a browser's cookie."""
    return sha256(cookie.encode("ascii", "replace")).hexdigest()


async def save(deps: StandIns, transaction: Transaction) -> None:
    """Keep the transaction as it is now."""
    body = asdict(transaction)
    del body["id"]
    await deps.keep(KeptEntry(f"transaction/{transaction.id}", dumps(body), deps.until(deps.settings.sign_in_seconds)))


async def find(deps: StandIns, surface: Surface, transaction_id: str | None, browser: str | None) -> Transaction:
    """Return the transaction. Raises `PageRefused` when it is over, of another provider, or of another browser."""
    found = await begun(deps, surface, transaction_id)
    if browser is None or not compare_digest(found.browser, browser_hash(browser)):
        raise PageRefused.by("idp-sign-in-over")
    return found


async def begun(deps: StandIns, surface: Surface, transaction_id: str | None) -> Transaction:
    """Return the transaction, whatever browser asks: good for sending people back to it, and for nothing else.

    Raises `PageRefused` when it is over or of another provider.
    """
    entry = await deps.kept_entry(f"transaction/{transaction_id}") if transaction_id and len(transaction_id) <= 200 else None
    found = _read(transaction_id, loads(entry.body)) if entry is not None and transaction_id is not None else None
    if entry is None or found is None or found.base != surface.base or deps.is_ahead(int(entry.until.timestamp()) - deps.settings.sign_in_seconds):
        raise PageRefused.by("idp-sign-in-over")
    return found


async def finish(deps: StandIns, transaction: Transaction) -> None:
    """Forget the transaction: of two submissions of its last form one goes on. Raises `PageRefused` for the other."""
    if await deps.take(f"transaction/{transaction.id}") is None:
        raise PageRefused.by("idp-sign-in-over")


def check_form(transaction: Transaction, form: dict[str, str]) -> None:
    """Raise `PageRefused` unless the form is one that we gave to this browser."""
    if not compare_digest(form.get("csrf", "").encode(), transaction.csrf.encode()):
        raise PageRefused.by("idp-form-foreign")


def _read(transaction_id: str, body: dict[str, Any]) -> Transaction:
    request = body.pop("request")
    for name in ("scopes", "prompts", "acr_names"):
        request[name] = tuple(request[name])
    return Transaction(transaction_id, **body, request=AuthorizationRequest(**request))
