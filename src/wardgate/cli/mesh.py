"""`wardgate mesh`: send and receive by MESH, here, at another Wardgate, or at the national service."""

import click

from wardgate.cli.mailboxes import mailbox
from wardgate.cli.mesh_account import account
from wardgate.cli.mesh_admission import admit
from wardgate.cli.mesh_ask import acknowledge, handshake, list_messages, lookup, track
from wardgate.cli.mesh_receive import receive
from wardgate.cli.mesh_send import send
from wardgate.cli.workflows import shared_key, workflow


@click.group()
def mesh() -> None:
    """Send files to mailboxes, and receive what came to ours: here, at another Wardgate, or at the national service.

    A mailbox proves itself by its password, the environment's shared key and a client certificate.
    """


for command in (send, receive, list_messages, acknowledge, track, lookup, handshake, account, mailbox, workflow, shared_key):
    mesh.add_command(command)
mailbox.add_command(admit)
