"""The pages: NHS.UK design system, rendered here, without scripts and without anything from another host."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, get_args

from jinja2 import ChainableUndefined, Environment, PackageLoader, PrefixLoader, select_autoescape
from jinja2.loaders import ChoiceLoader
from starlette.responses import HTMLResponse, Response

from wardgate.identities import User
from wardgate.identities.patient import Credential
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.authenticators import LEVELS as ASSURANCE
from wardgate.oidc.authenticators import acr_of
from wardgate.oidc.vectors import LEVELS
from wardgate.standins.clients import Client
from wardgate.standins.dependencies import StandIns
from wardgate.standins.next_step import SEARCHED_FROM, Progress, level_asked, roles_shown
from wardgate.standins.surfaces import ASSETS, Endpoint, Surface
from wardgate.standins.transactions import Transaction
from wardgate.standins.wire import PAGE

STYLE_SHEET: Final = "nhsuk-frontend-10.6.1.min.css"
SHOWN_PEOPLE: Final = 50
"""On one page; the others are found by the search."""
CREDENTIALS: Final = {
    "Cp": "password", "Cp.Cd": "password and known device", "Cp.Ck": "password and shared key", "Cm": "passkey",
}
TEMPLATES: Final = {Endpoint.ROLE: "role.jinja", Endpoint.CONSENT: "consent.jinja", Endpoint.IDENTITY_CHECK: "identity_check.jinja"}


@cache
def _environment() -> Environment:
    return Environment(
        loader=ChoiceLoader([PrefixLoader({"wardgate": PackageLoader("wardgate.standins")}), PackageLoader("nhsuk_frontend_jinja")]),
        autoescape=select_autoescape(default=True, default_for_string=True), undefined=ChainableUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )


def page(template: str, status: int = 200, **values: Any) -> Response:
    """Return a rendered page with the headers of every page."""
    text = _environment().get_template(f"wardgate/{template}").render(style_sheet=ASSETS + STYLE_SHEET, **values)
    return HTMLResponse(text, status, PAGE)


def sign_in_page(
    deps: StandIns, transaction: Transaction, client: Client, *, search: str = "", problem: str | None = None, entered: str = ""
) -> Response:
    """Return the page on which somebody signs in: a user name, or anybody of a list, or somebody in a chosen way."""
    surface = transaction.surface
    everybody = deps.identities().people(surface.kind)
    people = _found(everybody, search)
    is_worker = surface.kind is ProviderKind.CIS2
    return page(
        "sign_in.jinja", 400 if problem else 200, surface=surface, client=client, transaction=transaction, problem=problem,
        entered=entered or transaction.request.login_hint or "", action=_action(transaction, Endpoint.SIGN_IN), search=search[:100],
        people=[(user, _told(user)) for user in people[:SHOWN_PEOPLE]], hidden=max(0, len(people) - SHOWN_PEOPLE), count=len(everybody),
        is_worker=is_worker, authenticators=[(one, f"AAL{level}: {acr_of(one)}") for one, level in ASSURANCE.items()],
        credentials=[(one, f"{one}: {CREDENTIALS[one]}") for one in get_args(Credential)], levels=LEVELS,
    )


def step_page(endpoint: Endpoint, progress: Progress, client: Client, search: str, problem: str | None = None) -> Response:
    """Return the page of a later step."""
    transaction, user = progress.transaction, progress.user
    roles = user.worker.roles if user.worker is not None else ()
    return page(
        TEMPLATES[endpoint], 400 if problem else 200, surface=progress.surface, client=client, transaction=transaction, user=user,
        problem=problem, action=_action(transaction, endpoint), search=search[:100], searched=len(roles) >= SEARCHED_FROM,
        roles=roles_shown(roles, search[:100]), scopes=transaction.request.scopes,
        proved=progress.session.sign_in.proofing, needed=level_asked(progress) if user.patient else None,
    )


def logout_page(surface: Surface, action: str, csrf: str, hidden: Sequence[tuple[str, str]]) -> Response:
    """Return the page that asks whether to sign out."""
    return page("sign_out.jinja", surface=surface, action=action, csrf=csrf, hidden=hidden)


def signed_out_page(surface: Surface) -> Response:
    """Return the page after signing out."""
    return page("signed_out.jinja", surface=surface)


def refusal_page(surface: Surface, status: int, description: str) -> Response:
    """Return the page that says why a request cannot go on."""
    return page("refused.jinja", status, surface=surface, description=description)


def _action(transaction: Transaction, endpoint: Endpoint) -> str:
    """An absolute address: test helpers post to what the form says."""
    return f"{transaction.surface.url(transaction.origin, endpoint)}?session_code={transaction.id}"


def _found(people: Sequence[User], search: str) -> Sequence[User]:
    words = search[:100].casefold().split()
    return [user for user in people if all(word in f"{user.username} {user.name} {user.note}".casefold() for word in words)]


def _told(user: User) -> str:
    """Return a person's level and role codes, for the list."""
    if user.worker is not None:
        levels = sorted({ASSURANCE[one] for one in user.worker.authenticators}, reverse=True)
        codes = dict.fromkeys(role.role_code.rpartition(":")[2] for role in user.worker.roles)
        return ", ".join([*(f"AAL{level}" for level in levels), *list(codes)[:4]])
    return user.patient.identity_proofing_level if user.patient is not None else ""
