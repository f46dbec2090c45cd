"""The README's tour, run for real: every command, against a server that `script/server` started.

The commands run in one shell, in order. Ports and the data directory are replaced, so that nothing collides with a server
of the developer's; `…` in what the README shows stands for anything in one line, and alone in a line for any lines.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = (ROOT / "README.md").read_text()
START: Final = "script/server"
START_SECONDS: Final = 120
COMMAND_SECONDS: Final = 60
END: Final = "=== end of the command, exit code"


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the README and what it shows below it."""

    command: str
    shown: str


def blocks(kind: str) -> list[str]:
    """Return the README's code blocks of this kind."""
    return [text for found, text in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL) if found == kind]


def steps() -> list[Step]:
    """Return the commands of the README's console blocks, in order."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append(Step(command, shown.rstrip()))
    return found


STEPS: Final = steps()


def pattern_of(shown: str) -> str:
    """Return the expression that what the README shows stands for."""
    lines = [r"(?:[^\n]*\n)*?" if line == "…" else re.escape(line).replace("…", r"[^\n]*") + r"\n" for line in shown.splitlines()]
    return "".join(lines)


class Tour:
    """A server, a shell beside it, and how far the tour has come."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.data = directory / "data"
        self.https, mtls, http, backends = _free_ports(4)
        self._arguments = ["--port", str(self.https), "--mtls-port", str(mtls), "--http-port", str(http), "--demo-port", str(backends)]
        self._replaced = {"localhost:8443": f"localhost:{self.https}", "localhost:8444": f"localhost:{mtls}",
                          ".wardgate/demo": str(self.data), "$PWD/.venv": str(ROOT / ".venv")}
        curl = directory / ".curlrc"
        curl.write_text("silent\nshow-error\n")  # as on a terminal, where curl shows no meter
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("WARDGATE_", "COV_"))}
        self._environment = environment | {"CURL_HOME": str(directory), "WARDGATE_URL": f"https://localhost:{self.https}"}
        self.server: subprocess.Popen[str] | None = None
        self._log = directory / "server.out"
        self._shell = subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, cwd=directory, env=self._environment)
        self._answers: list[tuple[str, int]] = []

    def replace(self, text: str) -> str:
        """Put this tour's ports and directory where the README has the usual ones."""
        for usual, here in self._replaced.items():
            text = text.replace(usual, here)
        return text

    def answer(self, number: int) -> tuple[str, int]:
        """Return what command `number` printed and its exit code, running those before it first."""
        while len(self._answers) <= number:
            command = STEPS[len(self._answers)].command
            self._answers.append(self._start() if command == START else self.run(self.replace(command)))
        return self._answers[number]

    def run(self, command: str) -> tuple[str, int]:
        """Run a command in the shell. Returns what it printed, both streams together, and its exit code."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{command}\nprintf '\\n{END} %s\\n' $?\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        limit = threading.Timer(COMMAND_SECONDS, self._shell.kill)
        limit.start()
        try:
            for line in self._shell.stdout:
                if line.startswith(END):
                    return "".join(lines).rstrip(), int(line.removeprefix(END))
                lines.append(line)
        finally:
            limit.cancel()
        raise AssertionError(f"{command} took over {COMMAND_SECONDS} s or ended the shell: {''.join(lines)}")

    def _start(self) -> tuple[str, int]:
        """Start the server and wait until it says that it is ready."""
        with self._log.open("w") as out:
            self.server = subprocess.Popen([ROOT / START, *self._arguments], stdout=out, stderr=subprocess.STDOUT, text=True,
                                           cwd=self._directory, env=self._environment | {"WARDGATE_DATA": str(self.data)})
        give_up = time.monotonic() + START_SECONDS
        while not re.search(r"^ready ", self._log.read_text(), re.MULTILINE):
            assert self.server.poll() is None, self._log.read_text()
            assert time.monotonic() < give_up, self._log.read_text()
            time.sleep(0.1)
        return self._log.read_text().rstrip(), 0

    def stop(self, number: signal.Signals) -> int | None:
        """Stop the server as a person would. Returns its exit code."""
        if self.server is None:
            return None
        self.server.send_signal(number)
        return self.server.wait(30)

    def close(self) -> None:
        """End both processes."""
        self._shell.kill()
        self._shell.communicate()
        if self.server is not None and self.server.poll() is None:
            self.stop(signal.SIGTERM)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    """One tour for all the tests here; the directory's path is short, because sockets live in it."""
    directory = tmp_path_factory.mktemp("tour")
    tour = Tour(directory)
    yield tour
    tour.close()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.envoy
@pytest.mark.parametrize("number", range(len(STEPS)), ids=[f"{number + 1}: {step.command[:60]}" for number, step in enumerate(STEPS)])
def test_the_command_prints_what_the_readme_says(tour: Tour, number: int) -> None:
    """Each command of the tour prints what the README shows below it, and its exit code says whether it was refused."""
    printed, code = tour.answer(number)
    shown = tour.replace(STEPS[number].shown)
    assert re.fullmatch(pattern_of(shown), printed + "\n" if printed else ""), f"the README shows\n{shown}\n\nbut it printed\n{printed}"
    assert code == (1 if "\nrefused " in shown else 0)


@pytest.mark.envoy
@pytest.mark.parametrize("block", blocks("python"))
def test_the_python_of_the_readme_prints_its_comment(tour: Tour, block: str) -> None:
    """The README's SDK example runs against the tour's server and prints what its comment says."""
    tour.answer(1)
    expected = re.findall(r"print\(.*\)  # (.*)$", block, re.MULTILINE)
    assert len(expected) == 1
    printed, code = tour.run(f"python - <<'END_OF_PYTHON'\n{tour.replace(block)}\nEND_OF_PYTHON")
    assert (printed, code) == (expected[0], 0)


@pytest.mark.envoy
def test_ctrl_c_stops_the_server_cleanly(tour: Tour) -> None:
    """After the tour, Ctrl-C ends the server with exit code 0, as the README says."""
    tour.answer(len(STEPS) - 1)
    assert tour.stop(signal.SIGINT) == 0


def test_the_tour_covers_every_pattern() -> None:
    """The tour starts the server first, has a command for each pattern, and no command hides in a block that is not run."""
    assert STEPS[0].command == START
    commands = "\n".join(step.command for step in STEPS)
    for part in ("hello/world", "apikey:", "wardgate token get", "wardgate call", "wardgate cert issue", "--cert ", "wardgate explain",
                 "wardgate manifest diff", "wardgate manifest apply", "wardgate audit verify"):
        assert part in commands
    others = set(re.findall(r"^```(\w*)$", README, re.MULTILINE)) - {""}
    assert others == {"console", "python"}
    assert len(blocks("python")) == 1
    assert [line.split("#")[0].strip() for block in blocks("") for line in block.splitlines()] == ["script/server", "script/test"]


@pytest.mark.parametrize(("shown", "printed", "same"), [
    ("a … c\n", "a b c\n", True), ("a … c", "a b\n c\n", False), ("…\nlast", "last\n", True), ("…\nlast", "1\n2\nlast\n", True),
    ("first\n…", "first\n", True), ("first", "first\nsecond\n", False), ("", "", True), ("", "surprise\n", False), ("a.c", "abc\n", False),
])
def test_the_placeholder_means_one_line_or_many(shown: str, printed: str, same: bool) -> None:
    """`…` inside a line stays in the line; alone it is any number of lines; the rest is literal."""
    assert (re.fullmatch(pattern_of(shown), printed) is not None) is same
