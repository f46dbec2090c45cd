"""`wardgate directory`: look-ups, searches, and files in and out."""

import json
from pathlib import Path
from typing import Any

import pytest

from unit.directory.samples import APPOINTMENTS, CONTENT, ENDPOINT, NATIONAL, PROVIDER, READ, SLOTS, SYSTEM
from wardgate.directory import ldif

ITEMS = (SYSTEM, PROVIDER, ENDPOINT, APPOINTMENTS, NATIONAL)


@pytest.fixture
def filled(installed: Any, tmp_path: Path) -> Any:
    """An installation that took a file of entries in."""
    file = tmp_path / "in.ldif"
    file.write_bytes(ldif.write(ITEMS))
    taken = installed("directory", "import", file, "--by", "An Officer", "-o", "json")
    assert (taken.code, taken.data["added"], taken.data["taken"]) == (0, 5, True), taken.err
    return installed


@pytest.mark.parametrize(("arguments", "found"), [
    ((PROVIDER.organisation, SLOTS), [(PROVIDER.asid, APPOINTMENTS.cpa_id)]),
    ((PROVIDER.organisation, SLOTS, "--by-system"), [(PROVIDER.asid, APPOINTMENTS.cpa_id)]),
    ((NATIONAL.party_key, READ, "--national"), [(None, NATIONAL.cpa_id)]),
    ((SYSTEM.organisation, READ, "--own", "Z9S99"), [(SYSTEM.asid, None)]),
    ((PROVIDER.asid, SLOTS, "--asid"), [(PROVIDER.asid, APPOINTMENTS.cpa_id)]),
    ((PROVIDER.organisation, f"{CONTENT}.read", "--record", f"{ENDPOINT.urls[0]}/1"), [(PROVIDER.asid, ENDPOINT.cpa_id)]),
    ((SYSTEM.organisation, SLOTS), []),
])  # fmt: skip
def test_look_ups(filled: Any, arguments: tuple[str, ...], found: list[tuple[str, str]]) -> None:
    """Each published recipe; what is sent under one id and registered under another is found too; nobody is exit code 1."""
    answer = filled("directory", "lookup", *arguments, "-o", "json")
    assert [(one["asid"], one["cpa_id"]) for one in answer.data] == found
    assert answer.code == (0 if found else 1)


def test_a_suspended_system_is_not_found(filled: Any) -> None:
    """By look-up and search; and it is in the export."""
    assert filled("system", "suspend", PROVIDER.asid, "--why", "a test").code == 0
    assert filled("directory", "lookup", PROVIDER.organisation, SLOTS).code == 1
    assert filled("directory", "search", f"(uniqueIdentifier={PROVIDER.asid})").code == 1
    assert PROVIDER.asid in filled("directory", "export").out


def test_searches(filled: Any) -> None:
    """By an LDAP filter, with a limit; a filter that is none is refused in a line."""
    found = filled("directory", "search", f"(&(objectClass=nhsAs)(nhsAsSvcIA={READ}))", "-o", "json").data
    assert [entry["dn"] for entry in found["entries"]] == [f"uniqueIdentifier={SYSTEM.asid},ou=Services,o=nhs"]
    limited = filled("directory", "search", "(objectClass=*)", "--limit", "2", "-o", "json").data
    assert (len(limited["entries"]), limited["more"]) == (2, True)
    wrong = filled("directory", "search", "(((")
    assert (wrong.code, wrong.err.startswith("wardgate: "), wrong.out) == (1, True, "")


@pytest.mark.parametrize("form", ["ldif", "csv"])
def test_out_and_in_again(filled: Any, tmp_path: Path, form: str) -> None:
    """A file that was written is taken as it is: nothing is lost, nothing changes."""
    file = tmp_path / f"out.{form}"
    assert filled("directory", "export", "--format", form, "--out", file, "-o", "json").data["entries"] == 5
    again = filled("directory", "import", file, "-o", "json")
    assert (again.code, again.data["added"], again.data["changed"], again.data["unchanged"]) == (0, 0, 0, 5)
    assert filled("directory", "export", "--format", form, "-o", "json").data["content"] == file.read_bytes().decode()
    assert filled("directory", "export", "--format", form, "--out", file).err == f"wardgate: {file} exists; the directory is written to a new file\n"


def test_nothing_of_a_bad_file_is_taken(filled: Any, tmp_path: Path) -> None:
    """Every problem with its line, and the store as it was; `--check` takes nothing of a good file either."""
    before = filled("directory", "export").out
    text = ldif.write(ITEMS).decode().replace(f"nhsIDCode: {SYSTEM.organisation}", "nhsIDCode: not one").replace("nhsMhsCPAId: S918999000001", "nhsMhsCPAId: x")
    bad = tmp_path / "bad.ldif"
    bad.write_text(text)
    refused = filled("directory", "import", bad, "-o", "json")
    assert (refused.code, refused.data["taken"]) == (1, False)
    assert {problem["attribute"] for problem in refused.data["problems"]} == {"nhsIDCode", "nhsMhsCPAId"}
    assert all(problem["line"] for problem in refused.data["problems"])
    assert filled("directory", "import", bad).out.splitlines()[-1] == "nothing was taken"
    good = tmp_path / "good.ldif"
    good.write_text(ldif.write([SYSTEM]).decode().replace("Example EPR", "Renamed EPR"))
    assert filled("directory", "import", good, "--check", "-o", "json").data["changed"] == 1
    assert filled("directory", "export").out == before
    assert filled("directory", "import", bad.rename(tmp_path / "bad.txt")).code == 2


def test_the_manifests_entries_stay_the_manifests(installed: Any, manifest_file: Path, tmp_path: Path) -> None:
    """They are exported, and a file that says otherwise of one is refused."""
    manifest_file.write_text(manifest_file.read_text().replace("party_key: Z9X01-0000001}", f"party_key: Z9X01-0000001, interactions: ['{READ}']}}"))
    assert installed("manifest", "apply", manifest_file, "--yes").code == 0
    file = tmp_path / "all.ldif"
    assert installed("directory", "export", "--out", file).code == 0
    assert installed("directory", "import", file, "-o", "json").data["unchanged"] == 1
    file.write_text(file.read_text().replace("DocumentReference.read", "DocumentReference.search"))
    refused = installed("directory", "import", file, "-o", "json")
    assert refused.code == 1
    assert json.dumps(refused.data["problems"]).count("of the manifest's or of a registered system, not of both") == 1
