"""`wardgate version`."""

import platform

import click

from wardgate import __version__
from wardgate.cli.options import printing
from wardgate.cli.output import Printer


@click.command()
@printing
def version(printer: Printer) -> None:
    """Print the version of Wardgate and of the Python it runs on."""
    printer.answer({"wardgate": __version__, "python": platform.python_version()},
                   [f"wardgate {__version__} (Python {platform.python_version()})"])
