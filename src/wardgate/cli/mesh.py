"""`wardgate mesh`: send and receive by MESH, here, at another Wardgate, or at the national service. Each command is imported when it is asked for."""

from typing import Final

import click

from wardgate.cli.lazy import Lazy, LazyGroup

COMMANDS: Final = {
    "send": Lazy("wardgate.cli.mesh_send:send", "Send a file to a mailbox."),
    "receive": Lazy("wardgate.cli.mesh_receive:receive", "Receive the messages that wait."),
    "list": Lazy("wardgate.cli.mesh_ask:list_messages", "List the messages that wait, oldest first."),
    "acknowledge": Lazy("wardgate.cli.mesh_ask:acknowledge", "Tell the server that messages are durably here."),
    "track": Lazy("wardgate.cli.mesh_ask:track", "Show where a message that we sent stands."),
    "lookup": Lazy("wardgate.cli.mesh_ask:lookup", "Find the mailboxes that receive a workflow."),
    "handshake": Lazy("wardgate.cli.mesh_ask:handshake", "Prove that the server is there, and believes us."),
    "account": Lazy("wardgate.cli.mesh_account:account", "How our mailboxes are reached."),
    "mailbox": Lazy("wardgate.cli.mailboxes:mailbox", "The mailboxes of this server, and their passwords."),
    "workflow": Lazy("wardgate.cli.workflows:workflow", "Who may send which messages to whom, and how they are protected."),
    "shared-key": Lazy("wardgate.cli.workflows:shared_key", "The key that all mailbox clients of this environment share."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def mesh() -> None:
    """Send files to mailboxes, and receive what came to ours: here, at another Wardgate, or at the national service.

    A mailbox proves itself by its password, the environment's shared key and a client certificate.
    """
