"""`wardgate app`: applications, their API keys and their key sets."""

import json
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from wardgate.applications import Application, Approval, Profile, Subscription
from wardgate.cli.api_keys import issue_key, key_data, revoke_keys, secret_file, write_key
from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import IN_FILE, read_input
from wardgate.cli.output import Printer, pairs, table
from wardgate.cli.whole import store_application
from wardgate.jose import InvalidJWKSet, KeyRules, parse_jwk_set
from wardgate.jose.strict_json import decode_object
from wardgate.manifest import Manifest


def _is_new(_ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file that exists before a key is made that could not be written."""
    for place in (path, secret_file(path)) if path is not None else ():
        if place.exists():
            raise click.BadParameter(f"{place} exists; a key and its secret are written to new files")
    return path


key_out_option = click.option("--key-out", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE", callback=_is_new,
                              help="Write the API key to a new file, and its client secret to FILE.secret, readable by you only, instead of printing them.")


@click.group()
def app() -> None:
    """Applications, their API keys and their key sets."""


@app.command()
@click.argument("name")
@click.option("--organisation", required=True, metavar="ODS", help="The organisation that answers for it.")
@click.option("--product", "products", multiple=True, metavar="NAME", help="A product it uses, approved at once; several may be given.")
@click.option("--pending", is_flag=True, help="Leave the application to be approved later.")
@click.option("--profile", type=click.Choice([profile.value for profile in Profile]), default=None, help="When it differs from the environment's.")
@click.option("--asid", default=None, help="The accredited system it calls for.")
@click.option("--certificate-name", default=None, metavar="FQDN", help="The DNS name of its client certificate.")
@click.option("--callback-url", "callback_urls", multiple=True, metavar="URL", help="Where users come back to; several may be given.")
@click.option("--jwks-url", default=None, metavar="URL", help="Where its public keys are published.")
@click.option("--jwks-file", type=IN_FILE, default=None, help="Its public keys themselves.")
@key_out_option
@wait_option
@with_world
def create(
    name: str, organisation: str, products: tuple[str, ...], pending: bool, profile: str | None, asid: str | None,
    certificate_name: str | None, callback_urls: tuple[str, ...], jwks_url: str | None, jwks_file: Path | None,
    key_out: Path | None, wait: float, world: World, printer: Printer,
) -> None:
    """Register an application and issue its first API key, which is also its OAuth client id."""
    _, manifest = world.manifest()
    if any(entry.name == name for entry in manifest.applications):
        raise Failed(f"there is an application {name} already")
    if jwks_url is not None and jwks_file is not None:
        raise click.UsageError("give --jwks-url or --jwks-file, not both")
    application = _made({
        "name": name, "organisation": organisation, "products": products, "profile": profile, "asid": asid,
        "status": Approval.PENDING if pending else Approval.APPROVED, "tls_client_auth_san_dns": certificate_name,
        "callback_urls": callback_urls, "jwks_url": jwks_url, "jwks": _key_set(jwks_file) if jwks_file else None,
    })
    store_application(world, manifest, application, change="created")
    credential = issue_key(world, name)
    data, lines = write_key(credential, key_out)
    confirm(world, printer, world.stores.generation.current(), wait, {"application": name, **data}, [f"created {name}", *lines])


@app.command()
@click.argument("name")
@with_world
def show(name: str, world: World, printer: Printer) -> None:
    """Show an application and its API keys; of a key, its id and last four characters."""
    application = _found(world.manifest()[1], name)
    keys = [key_data(credential) for credential in world.stores.credentials.of(name)]
    products = ", ".join(f"{entry.product} ({entry.status})" for entry in application.products)
    rows = [("name", application.name), ("organisation", application.organisation), ("status", application.status.value),
            ("profile", application.profile.value if application.profile else "the environment's"), ("products", products),
            ("asid", application.asid or ""), ("certificate", application.tls_client_auth_san_dns or ""),
            ("public keys", application.jwks_url or (f"{len(application.jwks.get('keys', []))} inline" if application.jwks else "none"))]
    key_rows = [(key["id"], key["ends_with"], key["status"], key["issued"][:10], (key["expires"] or "never")[:10]) for key in keys]
    body = application.model_dump(mode="json", exclude={"api_keys"})
    printer.answer({**body, "api_keys": keys},
                   [*pairs(rows), "", *table(("API KEY", "ENDS WITH", "STATUS", "ISSUED", "EXPIRES"), key_rows)])


@app.command("list")
@with_world
def list_applications(world: World, printer: Printer) -> None:
    """List the applications."""
    applications = world.manifest()[1].applications
    rows = [(entry.name, entry.organisation, entry.status.value, ", ".join(s.product for s in entry.products)) for entry in applications]
    printer.answer([entry.model_dump(mode="json", exclude={"api_keys", "jwks"}) for entry in applications],
                   table(("NAME", "ORGANISATION", "STATUS", "PRODUCTS"), rows))


@app.command()
@click.argument("name")
@click.option("--product", default=None, metavar="NAME", help="Approve its use of this product, instead of the application.")
@wait_option
@with_world
def approve(name: str, product: str | None, wait: float, world: World, printer: Printer) -> None:
    """Approve an application, or its use of a product (which is added when it has none)."""
    _set_status(world, printer, name, product, Approval.APPROVED, wait)


@app.command()
@click.argument("name")
@click.option("--product", default=None, metavar="NAME", help="Revoke its use of this product, instead of the application.")
@wait_option
@with_world
def revoke(name: str, product: str | None, wait: float, world: World, printer: Printer) -> None:
    """Revoke an application, or its use of a product: its keys, tokens and certificates are refused from then on."""
    _set_status(world, printer, name, product, Approval.REVOKED, wait)


@app.command("rotate-key")
@click.argument("name")
@click.option("--revoke-old", is_flag=True, help="Revoke the other keys at once; without it they go on working, for a change without interruption.")
@key_out_option
@wait_option
@with_world
def rotate_key(name: str, revoke_old: bool, key_out: Path | None, wait: float, world: World, printer: Printer) -> None:
    """Issue another API key to an application."""
    _found(world.manifest()[1], name)
    credential = issue_key(world, name)
    old = [entry for entry in world.stores.credentials.of(name) if entry.id != credential.id and entry.status == "approved"]
    revoked = revoke_keys(world, old) if revoke_old else []
    data, lines = write_key(credential, key_out)
    told = f"revoked {len(revoked)} older keys" if revoke_old else f"{len(old)} older keys go on working: wardgate app revoke-key {name}"
    confirm(world, printer, world.stores.generation.current(), wait,
            {"application": name, **data, "revoked": revoked}, [*lines, *([told] if old else [])])


@app.command("revoke-key")
@click.argument("name")
@click.option("--id", "key_id", default=None, metavar="ID", help="The key with this id (`wardgate app show`).")
@click.option("--all", "every", is_flag=True, help="Every key of the application.")
@wait_option
@with_world
def revoke_key(name: str, key_id: str | None, every: bool, wait: float, world: World, printer: Printer) -> None:
    """Revoke API keys of an application, and with them the access tokens obtained with them."""
    if every == (key_id is not None):
        raise click.UsageError("give --id or --all")
    held = [entry for entry in world.stores.credentials.of(name) if every or entry.id == key_id]
    if not held:
        raise Failed(f"the application {name} has no such API key: wardgate app show {name}")
    revoked = revoke_keys(world, held)
    confirm(world, printer, world.stores.generation.current(), wait, {"application": name, "revoked": revoked},
            [f"revoked {entry}" for entry in revoked])


@app.command("set-jwks")
@click.argument("name")
@click.option("--file", "file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="A key set; - is standard input.")
@click.option("--url", default=None, help="Where the key set is published.")
@click.option("--remove", is_flag=True, help="Take the registered keys away.")
@wait_option
@with_world
def set_jwks(name: str, file: Path | None, url: str | None, remove: bool, wait: float, world: World, printer: Printer) -> None:
    """Register an application's public keys: the set itself, or where it is published."""
    if sum((file is not None, url is not None, remove)) != 1:
        raise click.UsageError("give one of --file, --url, --remove")
    _, manifest = world.manifest()
    held = _found(manifest, name)
    key_set = _key_set(file) if file is not None else None
    application = _made(held.model_dump(mode="python") | {"jwks": key_set, "jwks_url": url})
    generation = store_application(world, manifest, application, change="public keys")
    where = url or (f"{len(key_set['keys'])} keys" if key_set else "none")
    confirm(world, printer, generation, wait, {"application": name, "jwks_url": url, "jwks": key_set}, [f"public keys of {name}: {where}"])


def _set_status(world: World, printer: Printer, name: str, product: str | None, status: Approval, wait: float) -> None:
    _, manifest = world.manifest()
    held = _found(manifest, name)
    if product is None:
        changed = held.model_copy(update={"status": status})
    else:
        others = tuple(entry for entry in held.products if entry.product != product)
        if status is Approval.REVOKED and len(others) == len(held.products):
            raise Failed(f"the application {name} does not use the product {product}")
        changed = held.model_copy(update={"products": (*others, Subscription(product=product, status=status))})
    generation = store_application(world, manifest, changed, change=status.value, product=product)
    what = name if product is None else f"{name} for {product}"
    confirm(world, printer, generation, wait, {"application": name, "product": product, "status": status.value}, [f"{status.value}: {what}"])


def _found(manifest: Manifest, name: str) -> Application:
    found = next((entry for entry in manifest.applications if entry.name == name), None)
    if found is None:
        raise Failed(f"there is no application {name}: wardgate app list")
    return found


def _made(fields: dict[str, Any]) -> Application:
    """Return the application these fields make. Raises `Failed`, one line for each field that is wrong."""
    try:
        return Application.model_validate(fields)
    except ValidationError as invalid:
        lines = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in invalid.errors(include_url=False, include_input=False)]
        raise Failed("\n".join(lines)) from None


def _key_set(path: Path) -> dict[str, Any]:
    """Return a key set of which at least one key can be used. Raises `Failed`."""
    content = read_input(path, "the key set")
    try:
        document = decode_object(content)
        parse_jwk_set(content, KeyRules())
    except InvalidJWKSet as error:
        raise Failed(f"{error}; wardgate doctor jwks {path} tells more") from None
    except (ValueError, json.JSONDecodeError):
        raise Failed(f"{path} is not a JSON object") from None
    return document
