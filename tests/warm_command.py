"""The command `wardgate` of a shell under test: asks the warm process to run it here, passes signals on, and ends as it does.

It is run by a bare interpreter and imports as little as it can. Its first argument is the warm process's socket.
"""

import json
import os
import signal
import socket
import struct
import sys


def main() -> None:
    """Run `wardgate` with the arguments after the socket's path."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(sys.argv[1])
    request = json.dumps({"command": ["wardgate", *sys.argv[2:]], "environment": dict(os.environ), "directory": os.getcwd()}).encode()  # noqa: PTH109 - pathlib takes longer than all of this
    socket.send_fds(connection, [struct.pack("!I", len(request))], [0, 1, 2])
    connection.sendall(request)
    answers = connection.makefile("rb")
    process = int(answers.readline())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: os.kill(process, received))
    code = int(answers.readline())
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
