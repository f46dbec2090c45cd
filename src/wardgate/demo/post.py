"""The demo's messages: the mailboxes whose passwords everybody knows, and the two sides of an exchange between two Wardgates."""

from importlib.resources import files
from typing import Final

from wardgate.demo.world import manifest

MAILBOX_PASSWORD: Final = "demo-mailbox-not-a-secret"  # noqa: S105 - published, as it says
SHARED_KEY: Final = "demo-shared-key-not-a-secret"
SIDES: Final = ("hospital", "surgery")
"""The environments of the exchange between two Wardgates."""


def mailboxes() -> dict[str, str]:
    """Return the mailboxes of the bundled manifest, and whose they are."""
    return {mailbox.id: mailbox.organisation for mailbox in manifest().mailboxes}


def exchange_manifest(side: str) -> str:
    """Return one side's manifest of an exchange between two Wardgates. Raises `KeyError` for no side of it."""
    if side not in SIDES:
        raise KeyError(side)
    return files("wardgate.demo").joinpath("exchange.yaml").read_text(encoding="utf-8").replace("${ENVIRONMENT}", side)
