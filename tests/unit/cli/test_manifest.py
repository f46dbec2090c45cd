"""`wardgate manifest`."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import yaml


def test_check_counts_what_is_there(wardgate: Any, manifest_file: Path) -> None:
    """A valid manifest is summed up, and the exit code is 0."""
    answer = wardgate("manifest", "check", manifest_file)
    assert (answer.code, answer.out) == (0, "the manifest of trial is valid: 1 apis, 1 products, 1 applications, 1 systems\n")
    assert wardgate("manifest", "check", manifest_file, "-o", "json").data["valid"] is True


def test_check_names_every_problem_with_its_place(wardgate: Any, manifest_file: Path) -> None:
    """Problems have file, line, key and a near miss; the exit code is 1."""
    manifest_file.write_text(manifest_file.read_text().replace("pattern: open-access", "pattern: open-acces").replace("asid:", "asd:", 1))
    answer = wardgate("manifest", "check", manifest_file, "-o", "json")
    assert answer.code == 1
    assert answer.data["valid"] is False
    assert {problem["file"] for problem in answer.data["problems"]} == {str(manifest_file)}
    assert any("open-access" in (problem["suggestion"] or "") for problem in answer.data["problems"])
    assert all(problem["line"] > 0 for problem in answer.data["problems"])


def test_diff_before_anything_is_there(wardgate: Any, manifest_file: Path, tmp_path: Path) -> None:
    """Against nothing, everything is added, and nothing is made on disk."""
    answer = wardgate("manifest", "diff", manifest_file)
    assert answer.code == 0
    assert "  + apis hello-world" in answer.out
    assert "  first-app gains /hello-world/hello/application of hello-world (api-key)" in answer.out
    assert not (tmp_path / "data").exists()


def test_apply_stores_documents_and_keys(wardgate: Any, manifest_file: Path) -> None:
    """The first apply makes the installation; the second finds nothing to do."""
    first = wardgate("manifest", "apply", manifest_file, "--yes", "-o", "json")
    assert first.code == 0
    assert first.data["applied"] is True
    assert first.data["confirmed_by"] == []
    assert "first-app-key-for-a-trial" not in first.out
    shown = wardgate("app", "show", "first-app", "-o", "json").data
    assert [(key["ends_with"], key["status"]) for key in shown["api_keys"]] == [("rial", "approved")]
    again = wardgate("manifest", "apply", manifest_file, "--yes")
    assert (again.code, again.out.splitlines()[:2]) == (
        0, ["No difference.", f"the store holds this manifest already (generation {first.data['generation']})"])


def test_apply_does_not_ask_nobody(wardgate: Any, manifest_file: Path) -> None:
    """Without a terminal and without --yes nothing is stored."""
    answer = wardgate("manifest", "apply", manifest_file)
    assert answer.code == 2
    assert "give --yes" in answer.err
    assert wardgate("app", "list").code == 1


def test_diff_names_who_loses_access(installed: Any, manifest_file: Path) -> None:
    """A removed pattern shows who loses which route, by name."""
    manifest_file.write_text(manifest_file.read_text().replace("[{pattern: api-key}, {pattern: signed-jwt}]", "[{pattern: signed-jwt}]"))
    answer = installed("manifest", "diff", manifest_file)
    assert "  first-app loses /hello-world/hello/application of hello-world (api-key)" in answer.out
    data = installed("manifest", "diff", manifest_file, "-o", "json").data
    assert [loss["application"] for loss in data["losses"]] == ["first-app"]


def test_an_application_that_goes_takes_its_keys_with_it(installed: Any, manifest_file: Path) -> None:
    """Keys of a removed application are revoked, so that a later one of that name does not inherit them."""
    whole = manifest_file.read_text()
    manifest_file.write_text(whole[:whole.index("applications:")])
    answer = installed("manifest", "apply", manifest_file, "--yes")
    assert "of first-app, which goes away: revoked" in answer.out
    manifest_file.write_text(whole.replace("    api_keys: [{key: first-app-key-for-a-trial}]\n", ""))
    assert installed("manifest", "apply", manifest_file, "--yes").code == 0
    assert [key["status"] for key in installed("app", "show", "first-app", "-o", "json").data["api_keys"]] == ["revoked"]


def test_a_key_has_one_owner(installed: Any, manifest_file: Path) -> None:
    """A key that belongs to another application is refused before anything is stored."""
    text = manifest_file.read_text().replace("name: first-app", "name: other-app")
    manifest_file.write_text(text)
    answer = installed("manifest", "apply", manifest_file, "--yes")
    assert answer.code == 1
    assert answer.err == "wardgate: an API key stated for other-app belongs to first-app already\n"
    assert "first-app" in installed("app", "list").out


def test_a_stated_key_changes_its_state(installed: Any, manifest_file: Path) -> None:
    """A fixed key may be revoked in the manifest."""
    manifest_file.write_text(manifest_file.read_text().replace("{key: first-app-key-for-a-trial}", "{key: first-app-key-for-a-trial, status: revoked}"))
    answer = installed("manifest", "apply", manifest_file, "--yes")
    assert "approved -> revoked" in answer.out
    assert [key["status"] for key in installed("app", "show", "first-app", "-o", "json").data["api_keys"]] == ["revoked"]


def test_export_gives_a_manifest_without_secrets(installed: Any, tmp_path: Path) -> None:
    """What is exported is valid, the same, and holds no key."""
    exported = tmp_path / "exported.yaml"
    exported.write_text(installed("manifest", "export").out)
    assert "first-app-key" not in exported.read_text()
    assert installed("manifest", "diff", exported).out == "No difference.\n"


def test_the_schema_describes_a_manifest_file(wardgate: Any, manifest_file: Path) -> None:
    """The schema accepts the small manifest and refuses an unknown key."""
    schema = json.loads(wardgate("manifest", "schema").out)
    document = yaml.safe_load(manifest_file.read_text())
    jsonschema.validate(document, schema)
    assert not jsonschema.Draft202012Validator(schema).is_valid(document | {"aplications": []})


def test_demo_credentials_are_refused_in_a_live_environment(wardgate: Any, tmp_path: Path) -> None:
    """A live manifest with a fixed key is refused by check and by apply."""
    path = tmp_path / "live.yaml"
    path.write_text("environment: {name: x, live: true}\norganisations: [{ods: Z9X01, name: x}]\n"
                    "applications: [{name: a, organisation: Z9X01, api_keys: [{key: demo-app-key-not-a-secret}]}]\n")
    assert wardgate("manifest", "check", path).code == 1
    answer = wardgate("manifest", "apply", path, "--yes")
    assert answer.code == 1
    assert "wardgate app rotate-key" in answer.err
