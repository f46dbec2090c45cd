"""`wardgate provider`: the sign-in providers, and how we prove ourselves there."""

import json
import re
from pathlib import Path
from typing import Final

import click

from wardgate.audit import EventType
from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import read_input
from wardgate.cli.output import Printer, pairs, table
from wardgate.identities import Authentication, IdentityProvider
from wardgate.keystores.client_secrets import PROVIDERS, client_key, secret_name, stated_secret
from wardgate.manifest.documents import document_of
from wardgate.stores.ports import StoredDocument

_SECRET: Final = re.compile(r"[\x21-\x7E]{12,200}")


@click.group()
def provider() -> None:
    """The sign-in providers, and how we prove ourselves there."""


@provider.command("list")
@with_world
def list_providers(world: World, printer: Printer) -> None:
    """List the providers of each base path."""
    _, manifest = world.manifest()
    rows = [(one.name, one.kind.value, one.base_path, one.issuer or f"stand-in{f' ({one.realm})' if one.realm else ''}") for one in manifest.identity_providers]
    data = [one.model_dump(mode="json", exclude={"client_secret"}, exclude_none=True) for one in manifest.identity_providers]
    printer.answer(data, table(("NAME", "KIND", "BASE PATH", "ISSUER"), rows))


@provider.command()
@click.argument("name")
@with_world
def show(name: str, world: World, printer: Printer) -> None:
    """Show a provider, whether its secret is set, and the public key to register there when we sign assertions."""
    found = _found(world, name)
    data = found.model_dump(mode="json", exclude={"client_secret"}, exclude_none=True)
    if found.authentication is Authentication.PRIVATE_KEY_JWT:
        keys = {"keys": [client_key(world.stores.values, name).public_jwk()]}
        printer.answer({**data, "jwks": keys}, [*_lines(found), "", "The key set to register at the provider:", *json.dumps(keys, indent=2).split("\n")])
        return
    is_set = stated_secret(world.stores.values, PROVIDERS, name) is not None
    told = "is set" if is_set else "is made on first use" if found.stand_in else "is not set: wardgate provider set-secret"
    printer.answer({**data, "client_secret_set": is_set}, [*_lines(found), f"The client secret {told}"])


@provider.command("set-secret")
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), required=False)
@wait_option
@with_world
def set_secret(name: str, file: Path | None, wait: float, world: World, printer: Printer) -> None:
    """Set our client secret at a provider, from a file or standard input. It is kept encrypted and never shown."""
    found = _found(world, name)
    if found.authentication is not Authentication.CLIENT_SECRET_POST:
        raise Failed(f"we prove ourselves at {name} by a key, not by a secret: wardgate provider show {name}")
    if file is not None and str(file) != "-" and not file.is_file():
        raise click.UsageError(f"there is no file {file}")
    secret = read_input(file, "the secret").decode("ascii", "replace").strip()
    if not _SECRET.fullmatch(secret):
        raise Failed("a client secret has 12 to 200 printable characters without spaces")
    world.stores.values.put(secret_name(PROVIDERS, name), secret)
    document = document_of(PROVIDERS, found)  # written again, so that a running server reads the secret
    event = world.event(EventType.PROVIDER_SECRET_SET, provider=name)
    generation = world.stores.documents.write([StoredDocument(document.kind, document.name, document.body)], [], event)
    confirm(world, printer, generation, wait, {"provider": name}, [f"the client secret of {name} is set"])


def _found(world: World, name: str) -> IdentityProvider:
    _, manifest = world.manifest()
    found = next((one for one in manifest.identity_providers if one.name == name), None)
    if found is None:
        raise Failed(f"there is no sign-in provider {name}")
    return found


def _lines(found: IdentityProvider) -> list[str]:
    return pairs([("name", found.name), ("kind", found.kind.value), ("base path", found.base_path), ("client id", found.client_id),
                  ("authentication", found.authentication.value), ("issuer", found.issuer or "a stand-in of our own")])
