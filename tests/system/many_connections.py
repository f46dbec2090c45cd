"""A caller with thousands of connections, as a program of its own: PORT CA COUNT.

Opens them, each with one answered request; says on standard output how many it got; waits for a line; asks once more
on every one; says how many answered; and ends.
"""

import json
import resource
import socket
import ssl
import sys
import threading
import time

THREADS = 16
SPARE_FILES = 200
REQUEST = b"GET /hello-world/_ping HTTP/1.1\r\nHost: localhost\r\n\r\n"


def allowed(wanted: int) -> int:
    """Raise the limit of open files as far as it goes; return how many connections fit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted + SPARE_FILES if hard == resource.RLIM_INFINITY else min(hard, wanted + SPARE_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return min(wanted, limit - SPARE_FILES)


def asked(stream: ssl.SSLSocket) -> bool:
    """Send a request; return whether it was answered with 200."""
    try:
        stream.sendall(REQUEST)
        return stream.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def main() -> None:
    """Do what the module says."""
    port, ca, wanted = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    count = allowed(wanted)
    context = ssl.create_default_context(cafile=ca)
    streams: list[ssl.SSLSocket] = []
    errors: dict[str, int] = {}
    began = time.monotonic()

    def connect(share: int) -> None:
        session: ssl.SSLSession | None = None  # resumed sessions, so that the test's time is not spent on signatures
        for _ in range(share):
            try:
                plain = socket.create_connection(("127.0.0.1", port), 60)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the request waits for the end of the handshake to be acknowledged
                stream = context.wrap_socket(plain, server_hostname="localhost", session=session)
            except OSError as error:
                errors[type(error).__name__] = errors.get(type(error).__name__, 0) + 1
                continue
            if asked(stream):
                streams.append(stream)
                session = session or stream.session

    run([threading.Thread(target=connect, args=(count // THREADS,)) for _ in range(THREADS)])
    say({"wanted": wanted, "allowed": count, "open": len(streams), "errors": errors, "seconds": round(time.monotonic() - began, 1)})
    sys.stdin.readline()
    again: list[bool] = []
    run([threading.Thread(target=lambda mine: again.extend(map(asked, mine)), args=(streams[n::THREADS],)) for n in range(THREADS)])
    say({"answered_again": sum(again)})
    for stream in streams:
        stream.close()


def run(threads: list[threading.Thread]) -> None:
    """Start all, wait for all."""
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def say(found: dict[str, object]) -> None:
    """Print one line of JSON."""
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
