"""The tree of commands, by name. Each is imported when it is asked for."""

from typing import Final

import click

from wardgate.cli.lazy import Lazy, LazyGroup

COMMANDS: Final = {
    "up": Lazy("wardgate.cli.up:up", "Run the gateway, the authorisation server and the certification authority."),
    "demo": Lazy("wardgate.cli.demo:demo", "A made-up discharge letter, and manifests for two sides that exchange it."),
    "manifest": Lazy("wardgate.cli.manifest:manifest", "Check, compare, apply and export the manifest."),
    "app": Lazy("wardgate.cli.app:app", "Applications, their API keys and their key sets."),
    "provider": Lazy("wardgate.cli.provider:provider", "The sign-in providers, and how we prove ourselves there."),
    "user": Lazy("wardgate.cli.user:user", "The made-up people of the stand-in providers, and lock-outs."),
    "system": Lazy("wardgate.cli.system:system", "Accredited systems: register, assure, suspend, and what they may do."),
    "directory": Lazy("wardgate.cli.directory:directory", "Look up, search, export and import the system directory."),
    "cert": Lazy("wardgate.cli.cert:cert", "Issue, list, renew and revoke certificates."),
    "ca": Lazy("wardgate.cli.ca:ca", "The certification authorities, and their change of generation."),
    "message": Lazy("wardgate.cli.message:message", "Messages: sealed, opened, tracked, and their keys."),
    "mesh": Lazy("wardgate.cli.mesh:mesh", "Send and receive by MESH, the message exchange."),
    "token": Lazy("wardgate.cli.token:token", "Get and revoke access tokens."),
    "call": Lazy("wardgate.cli.call:call", "Call an API by one of the published patterns."),
    "explain": Lazy("wardgate.cli.explain:explain", "Tell the whole story of a request, message or correlation id."),
    "doctor": Lazy("wardgate.cli.doctor:doctor", "Check an assertion, key set, certificate or request before the first call."),
    "faults": Lazy("wardgate.cli.faults:faults", "The errors that can be asked for, and those an application has met."),
    "clock": Lazy("wardgate.cli.clock:clock", "The virtual clock, for meeting what comes with time."),
    "audit": Lazy("wardgate.cli.audit:audit", "Read, verify and export the record of every decision."),
    "key": Lazy("wardgate.cli.key:key", "The keys this Wardgate signs with."),
    "version": Lazy("wardgate.cli.version:version", "Print the version."),
}
"""In the order in which a newcomer needs them."""


@click.group(
    cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong use.",
)
def main() -> None:
    """Secure health APIs the way NHS England does, on your own machines."""
