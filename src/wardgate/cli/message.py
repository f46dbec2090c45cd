"""`wardgate message`: messages and their keys."""

import click

from wardgate.cli.message_build import build_message
from wardgate.cli.message_inspect import inspect_message
from wardgate.cli.message_keys import keys
from wardgate.cli.message_list import acknowledge, dead, list_messages
from wardgate.cli.message_open import open_sealed
from wardgate.cli.message_receive import receive
from wardgate.cli.message_seal import seal
from wardgate.cli.message_send import send
from wardgate.cli.message_track import read_message, track_message
from wardgate.cli.message_verify import verify


@click.group()
def message() -> None:
    """Messages that arrive sealed, provably from whom they say, and the keys that make them so."""


for command in (build_message, seal, open_sealed, verify, inspect_message, send, receive, list_messages, read_message, acknowledge, track_message, dead, keys):
    message.add_command(command)
