"""Installations made in a temporary directory, and the command line called in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click.testing
import pytest

from command_result import CommandResult
from wardgate.cli import main

MANIFEST = """
environment: {name: trial}
organisations: [{ods: Z9X01, name: Example Hospital}, {ods: Z9X02, name: Example Laboratory}]
systems:
  - {asid: "200000000115", organisation: Z9X01, fqdn: epr.example.nhs.uk, party_key: Z9X01-0000001}
apis:
  - name: hello-world
    base_path: /hello-world
    backend: http://127.0.0.1:9001
    routes:
      - {path: /hello/world, pattern: open-access}
      - {path: /hello/application, any_of: [{pattern: api-key}, {pattern: signed-jwt}]}
products:
  - {name: hello-world, apis: [hello-world], scopes: ["urn:nhsd:apim:app:level3:hello-world"]}
applications:
  - name: first-app
    organisation: Z9X01
    products: [hello-world]
    asid: "200000000115"
    api_keys: [{key: first-app-key-for-a-trial}]
"""


Wardgate = Callable[..., CommandResult]


@pytest.fixture
def wardgate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wardgate:
    """Return a function that runs a command with its data below the test's own directory."""
    for name in ("WARDGATE_DATABASE_URL", "WARDGATE_STORE_KEY", "WARDGATE_STORE_KEY_FILE", "WARDGATE_API_KEY", "WARDGATE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WARDGATE_DATA", str(tmp_path / "data"))

    def run(*arguments: Any, stdin: str | bytes | None = None) -> CommandResult:
        result = click.testing.CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return CommandResult(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def manifest_file(tmp_path: Path) -> Path:
    """Return a file with a small manifest."""
    path = tmp_path / "manifest.yaml"
    path.write_text(MANIFEST)
    return path


@pytest.fixture
def installed(wardgate: Wardgate, manifest_file: Path) -> Wardgate:
    """Return the same function, with the small manifest applied."""
    assert wardgate("manifest", "apply", manifest_file, "--yes").code == 0
    return wardgate
