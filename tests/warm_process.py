"""A process that has imported all of Wardgate and forks for each command line: the program `wardgate`, without its second of imports.

`tests/warm.py` starts it, and asks it on a Unix socket with the command line, the environment, the directory and three file
descriptors. What runs in the fork is the program's own entry, as a process of its own with its own exit code and signals.
"""

import array
import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time
import traceback

LENGTH = struct.Struct("!I")
ALSO = ("wardgate.server.up", "wardgate.server.wiring", "wardgate.stores.migrations.run", "alembic.command", "sqlalchemy.dialects.sqlite", "uvicorn.protocols.http.httptools_impl")
"""What commands import when they run, besides what they import when they are found."""


def warm_up() -> None:
    """Import every command."""
    main = importlib.import_module("wardgate.cli.main")
    for entry in main.COMMANDS.values():
        for below in getattr(entry.load(), "lazy", {}).values():
            below.load()
    for name in ALSO:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork has one thread only"
    gc.collect()
    gc.freeze()


def receive(connection: socket.socket) -> tuple[dict[str, object], list[int]]:
    """Return a request and its three descriptors."""
    descriptors = array.array("i")
    head, ancillary, _, _ = connection.recvmsg(LENGTH.size, socket.CMSG_LEN(3 * descriptors.itemsize))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    text = b""
    (length,) = LENGTH.unpack(head)
    while len(text) < length:
        part = connection.recv(length - len(text))
        assert part, "half a request"
        text += part
    return json.loads(text), list(descriptors)


def run(request: dict[str, object], descriptors: list[int]) -> None:
    """Be the program. Never returns."""
    code = 1
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        os.closerange(3, 1024)
        os.chdir(str(request["directory"]))
        os.environ.clear()
        os.environ.update(request["environment"])  # type: ignore[arg-type]
        time.tzset()
        sys.argv = list(request["command"])  # type: ignore[call-overload]
        unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
        for name, number, mode in (("stdin", 0, "rb"), ("stdout", 1, "wb"), ("stderr", 2, "wb")):  # as the interpreter makes them at its start
            below = open(number, mode, buffering=0 if unbuffered and number else -1, closefd=False)  # noqa: SIM115 - until the end
            stream = io.TextIOWrapper(below, "utf-8", "backslashreplace" if number == 2 else "strict", None, number == 2 or below.isatty(), unbuffered)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        from wardgate.cli import main  # noqa: PLC0415 - it has long been imported

        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - as the interpreter does at the end of a program
        traceback.print_exc()
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code & 0xFF)


def serve(path: str) -> None:
    """Fork for each request, and say its process id and, when it has ended, its exit code."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    choose = selectors.DefaultSelector()
    choose.register(listener, selectors.EVENT_READ, None)
    choose.register(sys.stdin, selectors.EVENT_READ, None)
    print("warm", flush=True)
    while True:
        for key, _ in choose.select():
            if key.fileobj is sys.stdin:
                return  # whoever started this process has ended
            if key.fileobj is listener:
                connection, _ = listener.accept()
                request, descriptors = receive(connection)
                process = os.fork()
                if process == 0:
                    signal.set_wakeup_fd(-1)
                    run(request, descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)
                choose.register(os.pidfd_open(process), selectors.EVENT_READ, (process, connection))
                tell(connection, process)
            else:
                process, connection = key.data
                choose.unregister(key.fd)
                os.close(key.fd)
                tell(connection, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
                connection.close()


def tell(connection: socket.socket, number: int) -> None:
    """Say a number to whoever asked, if it is still there."""
    with contextlib.suppress(OSError):
        connection.sendall(b"%d\n" % number)


if __name__ == "__main__":
    warm_up()
    serve(sys.argv[1])
