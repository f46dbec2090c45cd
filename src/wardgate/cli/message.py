"""`wardgate message`: messages and their keys. Each command is imported when it is asked for."""

from typing import Final

import click

from wardgate.cli.lazy import Lazy, LazyGroup

COMMANDS: Final = {
    "send": Lazy("wardgate.cli.message_send:send", "Build a message of a FHIR document, seal it, and send it by MESH."),
    "receive": Lazy("wardgate.cli.message_receive:receive", "Receive what waits, open it, deliver or refuse it, and answer."),
    "list": Lazy("wardgate.cli.message_list:list_messages", "List messages that went out and came in, and where each stands."),
    "read": Lazy("wardgate.cli.message_track:read_message", "Read a message that is kept here, which is recorded."),
    "acknowledge": Lazy("wardgate.cli.message_list:acknowledge", "Answer a message that came in, for the business."),
    "track": Lazy("wardgate.cli.message_track:track_message", "Follow a message from end to end."),
    "dead": Lazy("wardgate.cli.message_list:dead", "Messages that were given up: see, replay or drop them."),
    "keys": Lazy("wardgate.cli.message_keys:keys", "The keys that messages are signed with and sealed to."),
    "build": Lazy("wardgate.cli.message_build:build_message", "Make an ITK3 message of a FHIR document, in a file."),
    "seal": Lazy("wardgate.cli.message_seal:seal", "Seal a message in a file, for a mailbox and a workflow."),
    "open": Lazy("wardgate.cli.message_open:open_sealed", "Open a sealed message in a file, and tell who signed what."),
    "verify": Lazy("wardgate.cli.message_verify:verify", "Say exactly what the signature of a file covers."),
    "inspect": Lazy("wardgate.cli.message_inspect:inspect_message", "Show what the outermost layer of a file says."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def message() -> None:
    """Messages that arrive sealed, provably from whom they say, and the keys that make them so."""
