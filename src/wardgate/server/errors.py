"""What can go wrong when a server starts.

StartRefused   the server cannot start as asked
"""


class StartRefused(Exception):
    """The server cannot start as asked; the message says why."""
