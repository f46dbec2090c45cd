"""The README's tour and every documented session, run for real: each command, against a server started as the page says.

The commands of a page run in one shell, in order. Ports and the data directory are replaced, so that nothing collides with
a server of the developer's. In what a page shows, `…` stands for anything in one line, and alone in a line for any lines; a
line that begins with `> ` goes on with the command above it. A page that starts no server gets the demo. Servers are started
as the page says; `wardgate` in the shell is the same program without its second of imports (`warm`).
"""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

import warm
from free_ports import free_ports
from wardgate.audit.model import EventType
from wardgate.server.reference.events import EVENTS
from warm import WarmProcess

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = "README.md"
DEMO: Final = "script/server"
STARTS: Final = (DEMO, "wardgate up ")
START_SECONDS: Final = 120
COMMAND_SECONDS: Final = 60
RECORD_SECONDS: Final = 1.0
"""How long the record of a call may take to arrive: whoever types has waited that long."""
REFUSED: Final = r"^(refused      |wardgate: |FAIL |the user came back with the error |the gateway refuses this token |\S+\.yaml:\d+: )"
"""What a command shows when its exit code is 1."""
END: Final = "=== end of the command, exit code"


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a page and what the page shows below it."""

    command: str
    shown: str


def blocks(page: str, kind: str) -> list[str]:
    """Return a page's code blocks of this kind."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == kind]


def steps(page: str) -> list[Step]:
    """Return the commands of a page's console blocks, in order."""
    found = []
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.rstrip("\n").split("\n")
            more = next((n for n, line in enumerate(lines[1:], 1) if not line.startswith(">")), len(lines))
            command = "\n".join([lines[0], *(line[1:].removeprefix(" ") for line in lines[1:more])])
            found.append(Step(command, "\n".join(lines[more:]).rstrip()))
    return found


def pages() -> list[str]:
    """Return every page with a session, the README last: what follows goes on with its tour."""
    documents = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
    return [page for page in (*documents, README) if blocks(page, "console")]


STEPS: Final = {page: steps(page) for page in pages()}
EXPORT: Final = next(step.command for step in STEPS[README] if step.command.startswith("export "))


def pattern_of(shown: str) -> str:
    """Return the expression that what the README shows stands for."""
    lines = [r"(?:[^\n]*\n)*?" if line == "…" else re.escape(line).replace("…", r"[^\n]*") + r"\n" for line in shown.splitlines()]
    return "".join(lines)


class Tour:
    """A server, a shell beside it, and how far the session of a page has come."""

    def __init__(self, page: str, directory: Path) -> None:
        self._steps = STEPS[page]
        self._directory = directory
        self._https, mtls, http, demo, own, cards, relay, provider, ldap, other_https, other_mtls = free_ports(11)
        self._ports = f" --port {self._https} --mtls-port {mtls} --demo-port {demo}"
        self._demo_port = f" --http-port {http} --smartcard-port {cards} --relay-port {relay} --ldap-port {ldap}"
        self._replaced = {"localhost:8443": f"localhost:{self._https}", "localhost:8444": f"localhost:{mtls}", "localhost:8445": f"localhost:{cards}", "localhost:1389": f"localhost:{ldap}",
                          "127.0.0.1:9001": f"127.0.0.1:{demo}", "9100": str(own), "9443": str(other_https), "9444": str(other_mtls),
                          "$PWD/.venv/bin": f"{warm.write_command(directory / 'warm')}:{ROOT / '.venv' / 'bin'}",
                          ".wardgate/demo": str(directory / "data"), "$PWD/.venv": str(ROOT / ".venv"), "script/": f"{ROOT}/script/"}
        curl = directory / ".curlrc"
        curl.write_text("silent\nshow-error\n")  # as on a terminal, where curl shows no meter
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("WARDGATE_", "COV_"))}
        self._environment = environment | {"CURL_HOME": str(directory), "WARDGATE_DEMO_PROVIDER_PORT": str(provider)}
        self.server: subprocess.Popen[str] | WarmProcess | None = None
        self._others: list[subprocess.Popen[str] | WarmProcess] = []
        self._log = directory / "server.out"
        self._shell = subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, cwd=directory, env=self._environment)
        self._answers: list[tuple[str, int]] = []
        if not any(step.command.startswith(STARTS) for step in self._steps):
            self._start_demo()
            self.run(self.replace(EXPORT))

    def replace(self, text: str) -> str:
        """Put this tour's ports and directory where the README has the usual ones."""
        for usual, here in self._replaced.items():
            text = text.replace(usual, here)
        return text

    def answer(self, number: int) -> tuple[str, int]:
        """Return what command `number` printed and its exit code, running those before it first."""
        while len(self._answers) <= number:
            command = self._steps[len(self._answers)].command
            self._answers.append(self._start(command) if command.startswith(STARTS) else self.run(self.replace(command)))
        return self._answers[number]

    def run(self, command: str) -> tuple[str, int]:
        """Run a command in the shell. Returns what it printed, both streams together, and its exit code."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        if command.startswith("wardgate audit "):
            time.sleep(RECORD_SECONDS)
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

    def _start(self, command: str) -> tuple[str, int]:
        """Start a server and wait until it says that it is ready. Beside one that runs, or before it, it has the ports that its command names."""
        more = "" if " --port " in command else self._ports + (self._demo_port if command.startswith(DEMO) else "")
        environment = self._environment | {"PATH": f"{ROOT / '.venv' / 'bin'}:{self._environment['PATH']}"}
        if command.startswith(DEMO):
            environment["WARDGATE_DATA"] = self.replace(".wardgate/demo")
        if self.server is not None:
            self._others.append(self.server)
            self._log = self._directory / f"server-{len(self._others)}.out"
        with self._log.open("w") as out:
            self.server = subprocess.Popen(["bash", "-c", f"exec {self.replace(command)}{more}"], stdout=out, stderr=subprocess.STDOUT,
                                           text=True, cwd=self._directory, env=environment)
        self._wait_ready()
        return self._log.read_text().rstrip(), 0

    def _start_demo(self) -> None:
        """Start what `script/server` does, for a page that takes it as given."""
        command = f"up --demo --data {self._directory / 'data'}{self._ports}{self._demo_port}"
        with self._log.open("w") as out:
            self.server = WarmProcess(command.split(), self._environment, out.fileno(), self._directory)
        self._wait_ready()

    def _wait_ready(self) -> None:
        assert self.server is not None
        give_up = time.monotonic() + START_SECONDS
        while not re.search(r"^ready ", self._log.read_text(), re.MULTILINE):
            assert self.server.poll() is None, self._log.read_text()
            assert time.monotonic() < give_up, self._log.read_text()
            time.sleep(0.1)

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
        for server in (self.server, *self._others):
            if server is not None and server.poll() is None:
                server.send_signal(signal.SIGTERM)
                server.wait(30)


Tours = Callable[[str], Tour]


@pytest.fixture(scope="module")
def tours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tours]:
    """Return the tour of a page, one at a time: the next page's ends the one before."""
    current: dict[str, tuple[Tour, Path]] = {}

    def end() -> None:
        while current:
            tour, directory = current.popitem()[1]
            tour.close()
            shutil.rmtree(directory, ignore_errors=True)

    def tour_of(page: str) -> Tour:
        if page not in current:
            end()
            directory = tmp_path_factory.mktemp("tour")
            current[page] = Tour(page, directory), directory
        return current[page][0]

    yield tour_of
    end()


@pytest.mark.envoy
@pytest.mark.parametrize(("page", "number"), [
    pytest.param(page, number, id=f"{page} {number + 1}: {step.command[:50]!r}") for page, found in STEPS.items() for number, step in enumerate(found)
])
def test_the_command_prints_what_the_page_says(tours: Tours, page: str, number: int) -> None:
    """Each command prints what its page shows below it, and its exit code says whether it was refused."""
    tour = tours(page)
    printed, code = tour.answer(number)
    shown = tour.replace(STEPS[page][number].shown)
    assert re.fullmatch(pattern_of(shown), printed + "\n" if printed else ""), f"{page} shows\n{shown}\n\nbut it printed\n{printed}"
    assert code == (1 if re.search(REFUSED, shown, re.MULTILINE) else 0)


@pytest.mark.envoy
@pytest.mark.parametrize("block", blocks(README, "python"))
def test_the_python_of_the_readme_prints_its_comment(tours: Tours, block: str) -> None:
    """The README's SDK example runs against the tour's server and prints what its comment says."""
    tour = tours(README)
    tour.answer(1)
    expected = re.findall(r"print\(.*\)  # (.*)$", block, re.MULTILINE)
    assert len(expected) == 1
    printed, code = tour.run(f"python - <<'END_OF_PYTHON'\n{tour.replace(block)}\nEND_OF_PYTHON")
    assert (printed, code) == (expected[0], 0)


@pytest.mark.envoy
def test_the_records_of_the_tour_are_as_documented(tours: Tours) -> None:
    """Every record that the README's tour leaves behind has a type and details that events.md describes."""
    tour = tours(README)
    tour.answer(len(STEPS[README]) - 1)
    exported, code = tour.run("wardgate audit export")
    bodies = [json.loads(json.loads(line)["body"]) for line in exported.splitlines()]
    assert code == 0
    assert {body["type"] for body in bodies} >= {"ServerStarted", "TokenIssued", "CallAllowed", "CallRefused", "CertificateIssued", "ManifestApplied"}
    for body in bodies:
        undocumented = set(body.get("details", {})) - set(EVENTS[EventType(body["type"])].details)
        assert not undocumented, f"{body['type']}: {undocumented}"


@pytest.mark.envoy
def test_ctrl_c_stops_the_server_cleanly(tours: Tours) -> None:
    """Ctrl-C ends the server with exit code 0, as the README says."""
    tour = tours(README)
    tour.answer(0)
    assert tour.stop(signal.SIGINT) == 0


def test_the_tour_covers_every_pattern() -> None:
    """The README starts the server first, has a command for each pattern, and hides no command in a block that is not run."""
    assert STEPS[README][0].command == DEMO
    commands = "\n".join(step.command for step in STEPS[README])
    for part in ("hello/world", "apikey:", "wardgate token get", "wardgate call", "wardgate cert issue", "--cert ", "wardgate explain",
                 "wardgate manifest diff", "wardgate manifest apply", "wardgate audit verify"):
        assert part in commands
    text = (ROOT / README).read_text()
    assert set(re.findall(r"^```(\w*)$", text, re.MULTILINE)) == {"", "console", "python"}
    assert len(blocks(README, "python")) == 1
    assert [line.split("#")[0].strip() for block in blocks(README, "") for line in block.splitlines()] == ["script/server", "script/test"]


@pytest.mark.parametrize(("shown", "printed", "same"), [
    ("a … c\n", "a b c\n", True), ("a … c", "a b\n c\n", False), ("…\nlast", "last\n", True), ("…\nlast", "1\n2\nlast\n", True),
    ("first\n…", "first\n", True), ("first", "first\nsecond\n", False), ("", "", True), ("", "surprise\n", False), ("a.c", "abc\n", False),
])
def test_the_placeholder_means_one_line_or_many(shown: str, printed: str, same: bool) -> None:
    """`…` inside a line stays in the line; alone it is any number of lines; the rest is literal."""
    assert (re.fullmatch(pattern_of(shown), printed) is not None) is same
