"""The command line: `wardgate NOUN VERB`.

Owns: words, options, what is printed, exit codes (0 done, 1 refused or failed, 2 wrong use).
Leaves: every rule; a command opens the store or the SDK, calls the room that knows, and prints the answer.
Secrets are never arguments: they come from files, the environment or standard input.
Read: main, lazy, options, output, failures, context, then one file per command.

Nothing heavy is imported here: `wardgate --help` must be quick, so each command is imported when it is asked for.
"""

from wardgate.cli.main import main

__all__ = ["main"]
