"""Ten thousand connections to a whole Wardgate, which must go on serving within its memory."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from system.running import resident_kib

OPEN = "/hello-world/hello/world"
WANTED_CONNECTIONS = 10_000
LIMIT_KIB = 200 * 1024
"""What a control plane may use, resident."""


def test_ten_thousand_connections(new_wardgate: Callable[..., Any]) -> None:
    """All of them are answered, twice; others are served meanwhile; and Envoy raised its limit of open files itself."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with new_wardgate(start=False) as one:
        one.started_by = ("bash", "-c", 'ulimit -S -n 1024; exec "$@"', "bash")
        one.start()
        limits = Path(f"/proc/{one.envoy_pid()}/limits").read_text()
        envoy_files = int(next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3])
        wanted = min(WANTED_CONNECTIONS, envoy_files - 500)
        if wanted < WANTED_CONNECTIONS:
            print(f"\nonly {wanted} connections are tried: the system allows {hard} open files")
        program = Path(__file__).with_name("many_connections.py")
        with subprocess.Popen([sys.executable, program, str(one.port), one.ca, str(wanted)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as many:
            assert many.stdin is not None
            assert many.stdout is not None
            found = json.loads(many.stdout.readline())
            with one.client() as client:
                token = one.token(client)
                answer = client.get("/hello-world/hello/application", headers={"authorization": f"Bearer {token}"})
            memory = {"control plane": resident_kib(one.process.pid) // 1024, "Envoy": resident_kib(one.envoy_pid()) // 1024}
            many.stdin.write("\n")
            many.stdin.flush()
            again = json.loads(many.stdout.readline())
        print(f"\n{found} {again}; resident MB: {memory}")
        assert answer.status_code == 200
        assert found["allowed"] == wanted - wanted % 16 or found["open"] >= found["allowed"] - 16
        assert not found["errors"]
        assert again["answered_again"] == found["open"]
        assert resident_kib(one.process.pid) < LIMIT_KIB
        with one.client() as client:
            assert client.get(OPEN).status_code == 200
