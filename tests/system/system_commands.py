"""One system on the command line, from its registration to its removal: after each step the gateway does what was said."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from system.running import signed_request
from wardgate.client import SpineAPI, SpineContext

ROOT = "https://gp.example.thirdparty.nhs.uk/Z9X03/STU3/1/gpconnect"
SURGERY, NATIONAL = "200000000118", "200000000120"
WORKER, ROLE, PATIENT = "656005750105", "555254240100", "9990000018"
POINTERS = f"/nrl/STU3/DocumentReference?subject=https://demographics.spineservices.nhs.uk/STU3/Patient/{PATIENT}"
URN = "urn:nhs:names:services:"
FIRST_NAME, NEW_NAME = "first.example.thirdparty.nhs.uk", "renamed.example.thirdparty.nhs.uk"
Run = Callable[..., Any]


class OneSystem:
    """A system of the demo's first organisation, and the calls it makes."""

    def __init__(self, run: Run, directory: Path) -> None:
        self.run, self._directory = run, directory
        made = run("system", "register", "--organisation", "Z9X01", "--message-set", "GPConnect-Foundations-1", "--fqdn", FIRST_NAME)
        self.asid = str(made["asid"])
        self._tls: tuple[Any, ...] = ()

    def step(self, *words: str) -> Any:
        """Take a step with it: the command, and what follows the ASID."""
        return self.run("system", words[0], self.asid, *words[1:])

    def certify(self, name: str) -> None:
        """Have a certificate issued for its name, and use it from now on."""
        place = self._directory / name
        place.mkdir()
        signed_request(name, place)
        self.run("cert", "issue", "--csr", place / "request.csr", "--system", self.asid, "--out", place)
        self._tls = ("--cert", place / "chain.pem", "--cert-key", place / "key.pem")

    def pointers(self) -> str:
        """Ask for a patient's pointers; return `answered`, or the reason of the refusal."""
        return self._call(POINTERS, "--role", ROLE)

    def surgery(self) -> str:
        """Ask the surgery through the secure proxy; the same."""
        return self._call("/ssp", "--user", WORKER, "--via-proxy", f"{ROOT}/metadata")

    def _call(self, *words: str) -> str:
        answer = self.run("call", "GET", *words, "--asid", self.asid, "--organisation", "Z9X01", *self._tls, code=None)
        assert isinstance(answer, dict), answer
        return "answered" if answer["status"] == 200 else str(answer["refusal"]["reason"])


def assure(run: Run, directory: Path) -> OneSystem:
    """`system message-sets`, `register`, `evidence`, `send-back`, `approve`, `go-live`, `share`, `unshare`, `ask`, `grant`, `interactions`."""
    assert "GPConnect-Foundations-1" in [one["name"] for one in run("system", "message-sets")]
    system = OneSystem(run, directory)
    system.certify(FIRST_NAME)
    for step, *more in (("evidence", "--kind", "scal", "--reference", "SCAL 17"), ("send-back", "--why", "no hazard log"),
                        ("evidence", "--kind", "scal", "--reference", "SCAL 17, second issue"), ("approve",)):
        system.step(step, *more)
    assert system.surgery() == "ssp-sender-not-accredited"
    assert system.step("go-live")["state"] == "live"
    assert system.surgery() == "ssp-no-sharing-rule"
    for step, then in (("share", "answered"), ("unshare", "ssp-no-sharing-rule")):
        system.step(step, SURGERY, f"{URN}gpconnect")
        assert system.surgery() == then
    for step, then in (("ask", "interaction-not-granted"), ("grant", "answered")):
        system.step(step, "--message-set", "nrl")
        assert system.pointers() == then
    assert f"{URN}nrl:DocumentReference.read" in system.step("interactions")["sends"]
    return system


def change(system: OneSystem) -> None:
    """`system name`, `show`, `endpoint add` and `remove`, `suspend`, `list`, `resume`; `directory lookup` and `search`."""
    run, served = system.run, f"{URN}nrl:DocumentReference.content"
    system.step("name", NEW_NAME)
    assert system.pointers() == "certificate-not-of-asid"
    system.certify(NEW_NAME)
    assert system.pointers() == "answered"
    assert [one["step"] for one in system.step("show")["history"]][-1] == "name"
    made = run("system", "endpoint", "add", system.asid, "--interaction", served, "--url", f"https://{NEW_NAME}/Z9X01")
    assert [one["asid"] for one in run("directory", "lookup", "Z9X01", served)] == [system.asid]
    run("system", "endpoint", "remove", made["cpa_id"])
    assert run("directory", "lookup", "Z9X01", served, code=1) == []
    mine = f"(uniqueIdentifier={system.asid})"
    assert run("directory", "search", mine)["entries"][0]["nhsIDCode"] == ["Z9X01"]
    system.step("suspend", "--why", "a test")
    assert [one["asid"] for one in run("system", "list", "--state", "suspended")] == [system.asid]
    assert (system.pointers(), run("directory", "search", mine, code=1)["entries"]) == ("from-asid-unknown", [])
    system.step("resume")
    assert system.pointers() == "answered"


def judge(system: OneSystem) -> None:
    """`doctor spine-jwt` of its token and of another organisation's."""
    api = SpineAPI.of("reasonable-adjustments", "https://spine.example.thirdparty.nhs.uk/raflags/STU3", NATIONAL)
    for ods, code, last in (("Z9X01", 0, "passed"), ("Z9X02", 1, "failed")):
        token = SpineContext(system.asid, f"https://{NEW_NAME}", ods, role=ROLE).build_jwt(api, f"{URN}raflags:Flag.read:1", datetime.now(UTC))
        checks = system.run("doctor", "spine-jwt", "--api", "raflags", "--asid", system.asid, stdin=token, code=code)["checks"]
        assert checks[-1]["outcome"] == last, checks[-1]


def exchange_and_remove(system: OneSystem, directory: Path) -> None:
    """`directory export` and `import`, `system remove`."""
    run, file = system.run, directory / "directory.ldif"
    count = run("directory", "export", "--out", file)["entries"]
    assert run("directory", "import", file) == {"taken": True, "added": 0, "changed": 0, "unchanged": count, "problems": []}
    system.step("suspend", "--why", "it is over")
    system.step("remove")
    assert system.pointers() == "spine-jwt-asid-unknown"
    run("system", "show", system.asid, code=1)


def account(system: OneSystem, until: Callable[..., Any]) -> None:
    """`audit who-saw`: each of its calls about the patient is on record, by what came of it; an ASID that is nobody's is not repeated."""
    def seen() -> list[tuple[str, str]]:
        calls = system.run("audit", "who-saw", "--nhs-number", "-", stdin=PATIENT)["calls"]
        return [(one["from_asid"], one["reason"]) for one in calls if one["certificate_name"] in {FIRST_NAME, NEW_NAME}]

    until(lambda: ("", "spine-jwt-asid-unknown") in seen(), what="the record of its last call")
    assert seen() == [
        *((system.asid, reason) for reason in ("interaction-not-granted", "", "certificate-not-of-asid", "", "from-asid-unknown", "")),
        ("", "spine-jwt-asid-unknown"),
    ]
