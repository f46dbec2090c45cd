"""Known errors of every room, as one line on standard error and exit code 1."""

import sys
from typing import Any, Final

import click

EXPECTED: Final = (
    ("wardgate.stores.errors", "StoreError"),
    ("wardgate.keystores.errors", "KeyStoreError"),
    ("wardgate.manifest.errors", "ManifestInvalid"),
    ("wardgate.directory.errors", "DirectoryError"),
    ("wardgate.client.errors", "ClientError"),
    ("wardgate.jose.errors", "JOSEError"),
    ("wardgate.oauth.errors", "OAuthRefused"),
    ("wardgate.pki.errors", "PKIError"),
    ("wardgate.ca.errors", "CAError"),
    ("wardgate.dataplane.errors", "DataPlaneError"),
    ("wardgate.server.applying", "ApplyRefused"),
    ("wardgate.server.errors", "StartRefused"),
    ("httpx2", "HTTPError"),
    ("httpx2", "InvalidURL"),
)
"""Module and class. A module that was not imported cannot have raised."""


class Failed(click.ClickException):
    """What was asked for was refused or failed; the message says why in one line, or one line per problem."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        click.echo(f"wardgate: {self.format_message()}", file=file or sys.stderr)


def failure_of(error: Exception) -> Failed | None:
    """Return the failure to show for `error`, or None for an error that nobody expected."""
    for module_name, class_name in EXPECTED:
        known = getattr(sys.modules.get(module_name), class_name, None)
        if known is not None and isinstance(error, known):
            return Failed(_sentence(error))
    if type(error).__name__ == "ValidationError" and getattr(error, "title", None) == "Settings":
        return Failed(f"settings that cannot be used: {_variables(error)}")
    if type(error).__name__ == "SettingsError":
        field = str(error).partition('"')[2].partition('"')[0]
        return Failed(f"settings that cannot be used: WARDGATE_{field.upper()}: not JSON")
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return Failed(f"{name}{error.strerror or error}")
    return None


def _variables(error: Any) -> str:
    """Return the names of the settings that are wrong and why, without their values."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"WARDGATE_{'_'.join(map(str, entry['loc'])).upper()}: {entry['msg']}" for entry in found)


def _sentence(error: Exception) -> str:
    """Return the message; a failed connection says what it was that failed."""
    text = str(error) or type(error).__name__
    told = getattr(error, "explain_id", None)
    if told is not None:
        return f"{text}\nwhole story: wardgate explain {told}"
    request = getattr(error, "_request", None)
    if request is None:
        return text
    hint = "; the server refused the handshake, `wardgate audit tail` names the reason" if "_ALERT_" in text else ""
    return f"{request.url.scheme}://{request.url.netloc.decode()}: {text}{hint}"
