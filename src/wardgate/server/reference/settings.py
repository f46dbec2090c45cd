"""`settings.md`: every field of `Settings`, with its variable, type, default and meaning."""

import ast
import inspect
import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic.fields import FieldInfo

from wardgate.server.settings import Settings

PREFIX: Final = str(Settings.model_config["env_prefix"])
INTRODUCTION: Final = """\
# Settings

`wardgate up` reads its settings once, from the environment, and checks them once; those with an option can be given on the
command line too, and the command line wins. A value that cannot be is refused by name, without its value. What callers may do is not here
but in the [manifest](manifest.md).
"""
ELSEWHERE: Final = """\
## Read by other parts

| variable | meaning |
|---|---|
| `WARDGATE_STORE_KEY` | the key that private keys, API keys and personal hashes in the store are sealed with: 32 bytes in base64, several separated by commas or white space, the first one seals |
| `WARDGATE_STORE_KEY_FILE` | a file with the same; without either, `keys/store.key` in the data directory, made at first start |
| `WARDGATE_PKCS11_PIN` | the PIN of the hardware module that holds message keys |
| `WARDGATE_PKCS11_PIN_FILE` | a file with the PIN, which only its owner may read |

Clients' variables (`WARDGATE_API_KEY`, `WARDGATE_KEY_PASSWORD`, `WARDGATE_URL`) are on the page of the [command line](cli.md).
Those of the set-up are two: `WARDGATE_PYTHON` names the Python that `script/bootstrap` uses, `WARDGATE_LOCK_BEFORE` the day up
to which `script/lock` takes releases.
"""
OPTIONS: Final = frozenset({"data", "database_url", "port", "mtls_port", "http_port", "smartcard_port", "relay_port", "ldap_port", "ldaps_port", "demo", "demo_port"})
"""Fields that `wardgate up` has an option for."""
DEFAULTS: Final = {"envoy_threads": "the machine's cores", "http_port": "none; 8080 with `--demo`", "smartcard_port": "none; 8445 with `--demo`", "relay_port": "none; 8446 with `--demo`", "demo_provider_port": "the one after `demo_port`", "ldap_port": "none; 1389 with `--demo` if it is free"}
"""Defaults that are made when the program starts."""


def page() -> str:
    """Return the whole page."""
    meanings = described()
    rows = ["| variable | option | type | default | meaning |", "|---|---|---|---|---|"]
    rows += [_row(name, field, meanings[name]) for name, field in Settings.model_fields.items()]
    return "\n".join([INTRODUCTION, *rows, "", ELSEWHERE])


def described() -> Mapping[str, str]:
    """Return what is written below each field of `Settings`. Raises `KeyError` at the page for a field without words."""
    body = ast.parse(inspect.getsource(Settings)).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - it is the source of a class
    found: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return found


def _row(name: str, field: FieldInfo, meaning: str) -> str:
    option = f"`--{name.replace('_', '-')}`" if name in OPTIONS else ""
    return f"| `{PREFIX}{name.upper()}` | {option} | {_type(field)} | {_default(name, field)} | {meaning} |"


def _type(field: FieldInfo) -> str:
    names = {"tuple": "JSON list of texts", "frozenset": "JSON list of texts", "Path": "path", "str": "text", "int": "whole number",
             "float": "number", "bool": "true or false"}
    spelt = str(getattr(field.annotation, "__name__", field.annotation))
    word = next(word for part, word in names.items() if part in spelt or part in str(field.annotation))
    if "tuple" in spelt and "float" in str(field.annotation):
        word = "JSON list of numbers, each"
    limits = {kind: getattr(entry, kind) for entry in _constraints(field) for kind in ("ge", "gt", "le") if getattr(entry, kind, None) is not None}
    if "gt" in limits:
        word += f" above {limits['gt']:g}"
    if "ge" in limits:
        word += f" from {limits['ge']:g}"
    return word + (f" to {limits['le']:g}" if "le" in limits else "")


def _constraints(field: FieldInfo) -> list[Any]:
    found: list[Any] = list(field.metadata)
    for argument in getattr(field.annotation, "__args__", ()):
        for entry in getattr(argument, "__metadata__", ()):
            found += getattr(entry, "metadata", [entry])
    return found


def _default(name: str, field: FieldInfo) -> str:
    if name in DEFAULTS:
        return DEFAULTS[name]
    if field.default is None:
        return "none"
    if isinstance(field.default, frozenset | tuple):
        return f"`{json.dumps(list(field.default))}`"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
