"""`wardgate message`: messages and their keys."""

import click

from wardgate.cli.message_keys import keys


@click.group()
def message() -> None:
    """Messages that arrive sealed, provably from whom they say, and the keys that make them so."""


for command in (keys,):
    message.add_command(command)
