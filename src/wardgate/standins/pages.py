"""The pages: NHS.UK design system, rendered here, without anything from another host, and without scripts but where a passkey is asked for."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from jinja2 import ChainableUndefined, Environment, PackageLoader, PrefixLoader, select_autoescape
from jinja2.loaders import ChoiceLoader
from starlette.responses import HTMLResponse, Response

from wardgate.standins.clients import Client
from wardgate.standins.next_step import SEARCHED_FROM, Progress, level_asked, roles_shown
from wardgate.standins.published import asset_address
from wardgate.standins.shared_details import shared_details
from wardgate.standins.surfaces import ASSETS, Endpoint, Surface
from wardgate.standins.transactions import Transaction
from wardgate.standins.wire import PAGE, scripted_page

STYLE_SHEET: Final = "nhsuk-frontend-10.6.1.min.css"
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
    text = _environment().get_template(f"wardgate/{template}").render(asset=asset_address, style_sheet=STYLE_SHEET, **values)
    script = values.get("script")
    return HTMLResponse(text, status, scripted_page(values["transaction"].origin + ASSETS + script) if script else PAGE)


def question_page(
    transaction: Transaction, client: Client, template: str, values: Mapping[str, Any], *, method: str, status: int = 200,
    problem: str | None = None, others: Sequence[tuple[str, str]] = (),
) -> Response:
    """Return a page of a way to sign in; `others` are name and label of the other ways."""
    action = _action(transaction, Endpoint.SIGN_IN)
    return page(
        template, status, surface=transaction.surface, client=client, transaction=transaction, action=action, method=method,
        problem=problem, others=[(label, f"{action}&method={name}") for name, label in others], **values)


def step_page(endpoint: Endpoint, progress: Progress, client: Client, search: str, problem: str | None = None) -> Response:
    """Return the page of a later step."""
    transaction, user = progress.transaction, progress.user
    roles = user.worker.roles if user.worker is not None else ()
    return page(
        TEMPLATES[endpoint], 400 if problem else 200, surface=progress.surface, client=client, transaction=transaction, user=user,
        problem=problem, action=_action(transaction, endpoint), back=_action(transaction, Endpoint.SIGN_IN), search=search[:100],
        searched=len(roles) >= SEARCHED_FROM, roles=roles_shown(roles, search[:100]), shared=shared_details(progress),
        proved=progress.session.sign_in.proofing, needed=level_asked(progress) if user.patient else None,
    )


def logout_page(surface: Surface, action: str, csrf: str, hidden: Sequence[tuple[str, str]], name: str = "") -> Response:
    """Return the page that asks the person of this name whether to sign out."""
    return page("sign_out.jinja", surface=surface, name=name, action=action, csrf=csrf, hidden=hidden)


def signed_out_page(surface: Surface) -> Response:
    """Return the page after signing out."""
    return page("signed_out.jinja", surface=surface)


def refusal_page(surface: Surface, status: int, description: str) -> Response:
    """Return the page that says why a request cannot go on."""
    return page("refused.jinja", status, surface=surface, description=description)


def _action(transaction: Transaction, endpoint: Endpoint) -> str:
    """An absolute address: test helpers post to what the form says."""
    return f"{transaction.surface.url(transaction.origin, endpoint)}?session_code={transaction.id}"
