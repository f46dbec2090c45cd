"""Checking: every mistake is found, with its place, in words, and with what was probably meant."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from wardgate.manifest import Manifest, ManifestInvalid, Problem, Source, check, check_files

Data = dict[str, Any]
Refuse = Callable[..., tuple[Problem, ...]]

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
RSA = {"kty": "RSA", "kid": "k1", "n": "AQAB", "e": "AQAB"}

API_BASE = "apis[0].base_path"
ROUTE = "apis[0].routes[0]"
APP = "applications[0]"


def at(data: Data, key: str, value: Any) -> Data:
    """Set `apis.0.name` and the like."""
    *path, last = key.split(".")
    node: Any = data
    for part in path:
        node = node[int(part)] if isinstance(node, list) else node[part]
    if isinstance(node, list):
        node[int(last)] = value
    else:
        node[last] = value
    return data


ENTRIES = [
    # unknown keys
    ("apis.0.rutes", [], "apis[0].rutes", "unknown key `rutes`", "did you mean `routes`?"),
    ("apis.0.routes.0.patern", "x", ROUTE + ".patern", "unknown key `patern`", "did you mean `pattern`?"),
    ("apis.0.routes.1.any_of.0.scope", [], "apis[0].routes[1].any_of[0].scope", "unknown key `scope`", "did you mean `scopes`?"),
    ("zzz", [], "zzz", "unknown key `zzz`",
     "known here: environment, organisations, systems, sharing_rules, apis, products, applications, identity_providers, relying_parties, users, mailboxes, workflows, message_keys"),
    ("application", [], "application", "unknown key `application`", "did you mean `applications`?"),
    ("environment.qqqqqq", 1, "environment.qqqqqq", "unknown key `qqqqqq`",
     "known here: name, live, profile, audit, public_urls, server_names, tls_ma_profile, tls_minimum, tls_maximum, tls_legacy_suite, relay_trust, time_stamp_trust, default_limits, status_key"),
    ("apis.0.limits", {"quota": {"limit": 1, "intervall": 2}}, "apis[0].limits.quota.intervall", "unknown key `intervall`",
     "did you mean `interval`?"),
    # types and values
    ("systems.0.asid", 200000000115, "systems[0].asid", "must be text, not the number 200000000115", "put it in quotes"),
    ("systems.0.asid", "20000000011", "systems[0].asid", "must be an ASID: exactly 12 digits, in quotes, not `20000000011`", None),
    ("environment.live", "yes", "environment.live", "must be true or false, not `yes`", None),
    ("environment.profile", "nsh", "environment.profile", "must be nhs or strict, not `nsh`", "did you mean `nhs`?"),
    ("environment.name", None, "environment.name", "must be text, and is empty", None),
    ("apis.0.routes.0.pattern", "api-kee", ROUTE + ".pattern",
     "must be open-access, api-key, signed-jwt, tls-ma, user-restricted or asid-interaction, not `api-kee`", "did you mean `api-key`?"),
    ("apis.0.routes.0.methods", ["get"], ROUTE + ".methods[0]",
     "must be a method in capitals: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, not `get`", None),
    ("apis.0.routes.0.methods", "GET", ROUTE + ".methods", "must be a list, not `GET`", None),
    ("apis.0.routes.0.path", "world", ROUTE + ".path",
     "must be a path such as /Patient, /Patient/{id} or /files/*, not `world`", None),
    ("apis.0.routes.0.path", "//*", ROUTE + ".path",
     "must be a path such as /Patient, /Patient/{id} or /files/*, not `//*`", None),
    ("apis.0.routes.0.path", "/a/../b", ROUTE + ".path", "`.` and `..` cannot be segments of a path", None),
    ("apis.0.routes.0.timeout_seconds", 0, ROUTE + ".timeout_seconds", "must be more than 0", None),
    ("apis.0.routes.0.timeout_seconds", "30", ROUTE + ".timeout_seconds", "must be a number, not `30`", None),
    ("apis.0.routes.0.wrong_token_status", 402, ROUTE + ".wrong_token_status", "must be 401 or 403, not the number 402", None),
    ("apis.0.routes.0.errors", "oauth", ROUTE + ".errors",
     "`errors: oauth` is for the token endpoint; APIs use fault, fhir, problem, spine or gp-connect", None),
    ("apis.0.routes.0.any_of", [{"pattern": "api-key"}], ROUTE,
     "a route has either `pattern` or a list `any_of` with at least one alternative", None),
    ("apis.0.routes.1.any_of.0.scopes", ["x"], "apis[0].routes[1].any_of[0]", "`scopes` belong to the patterns signed-jwt and user-restricted", None),
    ("apis.0.routes.1.any_of.1.pattern", "api-key", "apis[0].routes[1]", "`any_of` names a pattern twice", None),
    ("apis.0.routes", [], "apis[0].routes", "must not be empty", None),
    ("apis.0.routes", {}, "apis[0].routes", "must be a list, not a mapping", None),
    ("apis.0.backend", "http://127.0.0.1:9001/path", "apis[0].backend",
     ("must be a backend: http:// or https:// with host and port and without a path, unix:/path/to/socket, or secure-proxy, "
      "not `http://127.0.0.1:9001/path`"), None),
    ("apis.0.backend", "http://127.0.0.1:90001", "apis[0].backend", "a port is a number from 1 to 65535", None),
    ("apis.0.limits", {"spike_arrest": {"rate": "5"}}, "apis[0].limits.spike_arrest.rate",
     "must be a rate such as 5ps (per second) or 300pm (per minute), not `5`", None),
    ("apis.0.limits", {"quota": {"limit": 0}}, "apis[0].limits.quota.limit", "must be at least 1", None),
    ("apis.0.limits", {"quota": {"limit": 1, "timeunit": "hours"}}, "apis[0].limits.quota.timeunit",
     "must be minute, hour, day, week or month, not `hours`", "did you mean `hour`?"),
    ("organisations.0", "Z9X01", "organisations[0]", "must be a mapping with keys, not `Z9X01`", None),
    ("organisations", {"ods": "Z9X01"}, "organisations", "must be a list", None),
    ("applications.0.api_keys", [{"key": "short-secret"}], APP + ".api_keys[0].key",
     "must be 16 to 64 letters, digits, `_` and `-`", None),
    ("applications.0.api_keys", [{"key": "k" * 16, "expires": "2030-01-31"}], APP + ".api_keys[0].expires",
     "must be a date and time with its zone, such as 2030-01-31T12:00:00Z, not `2030-01-31`", None),
    ("applications.0.api_keys", [{"key": "k" * 16, "expires": "soon"}], APP + ".api_keys[0].expires",
     "must be a date and time such as 2030-01-31T12:00:00Z, not `soon`", None),
    ("environment.status_key", "short-secret", "environment.status_key", "must be 16 to 64 letters, digits, `_` and `-`", None),
    ("applications.0.jwks_url", "https://example.org", APP + ".jwks_url",
     "must be an http or https URL with a path, at least a `/` after the host, not `https://example.org`", None),
    ("applications.0.jwks", {"keys": [RSA]}, APP, "an application has `jwks_url` or `jwks`, not both", None),
    ("applications.0.jwks", "secret-text", APP + ".jwks", "must be a mapping", None),
    # references
    ("systems.0.organisation", "Z9X03", "systems[0].organisation", "there is no organisation `Z9X03` in `organisations`",
     "did you mean `Z9X02`?"),
    ("applications.0.organisation", "Z9X0l", APP + ".organisation", "there is no organisation `Z9X0l` in `organisations`",
     "did you mean `Z9X02`?"),
    ("applications.0.products", ["helo"], APP + ".products[0]", "there is no product `helo` in `products`", "did you mean `hello`?"),
    ("applications.0.products", [{"product": "xyz"}], APP + ".products[0].product", "there is no product `xyz` in `products`", None),
    ("applications.0.asid", "200000000151", APP + ".asid", "there is no system with ASID `200000000151` in `systems`",
     "did you mean `200000000116`?"),
    ("products.0.apis", ["hallo"], "products[0].apis[0]", "there is no API `hallo` in `apis`", "did you mean `hello`?"),
    # names that are taken
    ("organisations.1.ods", "z9x01", "organisations[1].ods", "the ods `z9x01` is already used by `organisations[0].ods` (one.yaml, line 7)", None),
    ("systems.1.asid", "200000000115", "systems[1].asid", "the asid `200000000115` is already used by `systems[0].asid` (one.yaml, line 17)", None),
    ("systems.1.fqdn", "epr.example.thirdparty.nhs.uk", "systems[1].fqdn",
     "the fqdn `epr.example.thirdparty.nhs.uk` is already used by `systems[0].fqdn` (one.yaml, line 19)",
     "only systems of one party_key share an fqdn"),
    ("apis.1.base_path", "/hello", "apis[1].base_path", "the base path `/hello` is already used by `apis[0].base_path` (one.yaml, line 32)", None),
    ("applications.1.tls_client_auth_san_dns", "epr.example.thirdparty.nhs.uk", "applications[1].tls_client_auth_san_dns",
     "the certificate name `epr.example.thirdparty.nhs.uk` is already used by `applications[0].asid` (one.yaml, line 106)", None),
    ("applications.0.api_keys", [{"key": "k" * 16}, {"key": "k" * 16}], APP + ".api_keys[1].key",
     "this API key is already used by `applications[0].api_keys[0].key` (one.yaml, line 110)", None),
    ("products.0.apis", ["hello", "hello"], "products[0].apis[1]", "`hello` is already used by `products[0].apis[0]` (one.yaml, line 79)", None),
    # base paths and routes
    ("apis.0.base_path", "/oauth2", API_BASE, "`/oauth2` is reserved for the gateway itself", None),
    ("apis.0.base_path", "/realms/x", API_BASE, "`/realms` is reserved for the gateway itself", None),
    ("apis.0.base_path", "/demo/FHIR/R4/deep", API_BASE,
     "the base path is below `/demo/FHIR/R4` of the API `demo-fhir` (one.yaml, line 54)", None),
    ("apis.0.base_path", "/hello/", API_BASE,
     "must be a base path such as /hello-world or /demo/FHIR/R4, without a slash at its end, not `/hello/`", None),
    ("apis.0.routes.0.path", "/_ping", ROUTE + ".path", "`/_ping` below a base path is reserved: the gateway answers it", None),
    ("apis.0.routes.0.path", "/_status/deep", ROUTE + ".path", "`/_status` below a base path is reserved: the gateway answers it", None),
    ("apis.1.routes.1", {"path": "/Patient/{number}", "methods": ["PUT", "GET"], "pattern": "tls-ma"}, "apis[1].routes[1].path",
     "`PUT,GET /Patient/{number}` and `GET /Patient/{id}` match the same requests (GET) and neither is more specific",
     "give them different methods, or make one route with `any_of`"),
    ("apis.1.routes.1", {"path": "/Patient/{id}", "pattern": "tls-ma"}, "apis[1].routes[1].path",
     "`/Patient/{id}` and `GET /Patient/{id}` match the same requests (GET) and neither is more specific",
     "give them different methods, or make one route with `any_of`"),
    ("apis.0.routes.1.path", "/world", "apis[0].routes[1].path",
     "`/world` and `/world` match the same requests (every method) and neither is more specific",
     "give them different methods, or make one route with `any_of`"),
    # keys
    ("applications.1.jwks", {"keys": []}, "applications[1].jwks.keys", "a key set has `keys`, a list of at least one key", None),
    ("applications.1.jwks", RSA, "applications[1].jwks", "a key set has `keys`, a list of at least one key", None),
    ("applications.1.jwks", {"keys": [RSA | {"d": "AQAB"}]}, "applications[1].jwks.keys[0].d", "this is a private key",
     "take it out, make a new pair, and publish the public half only"),
    ("applications.1.jwks", {"keys": [RSA | {"kty": "oct"}]}, "applications[1].jwks.keys[0].kty", "`kty` must be RSA, EC or OKP", None),
    ("applications.1.jwks", {"keys": [RSA | {"n": ""}]}, "applications[1].jwks.keys[0].n", "a key of type RSA has `n`", None),
    ("applications.1.jwks", {"keys": [RSA, RSA]}, "applications[1].jwks.keys[1].kid", "two keys of the set have this `kid`", None),
    ("applications.1.jwks", {"keys": [RSA | {"kid": 1}]}, "applications[1].jwks.keys[0].kid",
     "a key has `kid`, the name assertions give in their header", None),
    ("applications.1.jwks", {"keys": ["x"]}, "applications[1].jwks.keys[0]", "a key is a mapping (RFC 7517 section 4)", None),
    ("applications.1.jwks", {"keys": [RSA | {"use": "enc"}]}, "applications[1].jwks.keys[0].use", "`use` must be sig", None),
    ("applications.1.jwks", {"keys": [RSA | {"kid": str(n)} for n in range(21)]}, "applications[1].jwks.keys",
     "a key set has at most 20 keys", None),
    ("apis.0.backend_ca", "x", "apis[0].backend_ca", "must be certificates in PEM, not `x`", None),
]


@pytest.mark.parametrize(("key", "value", "where", "message", "suggestion"), ENTRIES, ids=lambda part: str(part)[:40])
def test_one_mistake(
    base: Data, refuse: Refuse, key: str, value: Any, where: str, message: str, suggestion: str | None
) -> None:
    """One thing is changed in a valid manifest, and exactly that is the first problem."""
    problem = refuse(at(base, key, value))[0]
    assert (problem.file, problem.key, problem.message, problem.suggestion) == ("one.yaml", where, message, suggestion)
    text = json.dumps(base, indent=1).splitlines()
    assert problem.line > 0
    if not where.endswith("]"):
        assert f'"{where.rsplit(".", 1)[-1]}"' in text[problem.line - 1]


def test_the_base_is_valid(base: Data, accept: Callable[..., Manifest]) -> None:
    """What the rows above change one thing in has no problem itself."""
    manifest = accept(base)
    assert [application.name for application in manifest.applications] == ["one", "two"]
    assert manifest.applications[0].products[0].product == "hello"


def test_all_problems_are_found_at_once_in_order(base: Data, refuse: Refuse) -> None:
    """Mistakes of every stage are reported together, by line."""
    base["apis"][0]["rutes"] = 1
    base["apis"][1]["base_path"] = "/oauth2"
    base["environment"]["live"] = 1
    base["applications"][1]["organisation"] = "Z9X09"
    problems = refuse(base)
    assert [problem.key for problem in problems] == [
        "environment.live", "apis[0].rutes", "apis[1].base_path", "applications[1].organisation"]
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)


def test_a_mistake_in_an_entry_makes_no_false_ones(base: Data, refuse: Refuse) -> None:
    """References to an entry that is itself wrong are not reported."""
    base["apis"][0]["backend"] = "nonsense"
    base["organisations"][0]["extra"] = True
    assert [problem.key for problem in refuse(base)] == ["organisations[0].extra", "apis[0].backend"]


def test_entries_that_cannot_be_read_are_not_called_absent(base: Data, refuse: Refuse) -> None:
    """When the only route of an API is wrong, its mistake is reported, and not that there are no routes."""
    at(base, "apis.0.routes", [{"path": "/only", "patern": "open-access"}])
    assert [problem.key for problem in refuse(base)] == ["apis[0].routes[0].patern"]
    at(base, "apis.0.routes", [])
    assert [(problem.key, problem.message) for problem in refuse(base)] == [("apis[0].routes", "must not be empty")]


def test_missing_keys(base: Data, refuse: Refuse) -> None:
    """A key that must be there is named in the place's key; the line is that of the entry."""
    del base["apis"][0]["backend"]
    (problem,) = refuse(base)
    assert (problem.key, problem.message) == ("apis[0].backend", "`backend` is missing")
    assert json.dumps(base, indent=1).splitlines()[problem.line - 1].strip() == "{"


def test_environment_exactly_once(base: Data, refuse: Refuse) -> None:
    """None and two are refused, in one file or many."""
    again = refuse(base, "environment: {name: again}\n")
    assert str(again[0]) == (
        "more-0.yaml:1: environment: `environment` is stated once; it is already in one.yaml, line 2")
    del base["environment"]
    assert refuse(base)[0].message == "`environment` is missing"


def test_many_files_are_one_manifest(base: Data, accept: Callable[..., Manifest], refuse: Refuse) -> None:
    """Sections of files follow each other; names and references reach across; indexes and lines are the file's own."""
    manifest = accept(base, "organisations:\n  - {ods: Z9X03, name: Third}\n", "applications:\n",
                      "applications:\n  - {name: three, organisation: Z9X03, products: [hello]}\n")
    assert [organisation.ods for organisation in manifest.organisations] == ["Z9X01", "Z9X02", "Z9X03"]
    assert manifest.applications[-1].name == "three"
    (problem,) = refuse(base, "applications:\n  - {name: three, organisation: Z9X01}\n  - {name: one, organisation: Z9X01}\n")
    assert (problem.file, problem.line, problem.key) == ("more-0.yaml", 3, "applications[1].name")


def test_systems_of_one_party_key_share_an_fqdn(base: Data, accept: Callable[..., Manifest]) -> None:
    """Spec README rule 24."""
    base["systems"].append(base["systems"][0] | {"asid": "200000000117"})
    assert len(accept(base).systems) == 3


def test_two_applications_of_one_system_need_names_of_their_own(base: Data, refuse: Refuse) -> None:
    """A certificate's name must mean one application."""
    base["applications"].append({"name": "three", "organisation": "Z9X01", "asid": "200000000115"})
    assert refuse(base)[0].key == "applications[2].asid"


LIVE = [
    ("environment.status_key", "s" * 16, "environment.status_key", "a live environment takes no `status_key` from a manifest"),
    ("environment.public_urls", ["http://gateway.example.nhs.uk"], "environment.public_urls[0]",
     "a live environment is reached over https:// only"),
    ("apis.0.backend", "http://127.0.0.1:9001", "apis[0].backend", "a live environment has no http:// backends"),
    ("applications.0.api_keys", [{"key": "k" * 16}], "applications[0].api_keys[0]", "a live environment takes no fixed API keys"),
    ("applications.0.jwks_url", "http://127.0.0.1:9001/jwks.json", "applications[0].jwks_url",
     "a live environment fetches key sets over https:// only"),
    ("applications.0.callback_urls", ["http://localhost/cb"], "applications[0].callback_urls[0]",
     "a live environment has no http:// callback URLs"),
]


@pytest.mark.parametrize(("key", "value", "where", "message"), LIVE, ids=[row[0] for row in LIVE])
def test_a_live_environment_refuses(
    base: Data, accept: Callable[..., Manifest], refuse: Refuse, key: str, value: Any, where: str, message: str
) -> None:
    """Each convenience is refused by name when live, and taken otherwise."""
    for api in base["apis"]:
        api["backend"] = "https://backend.example.nhs.uk"
    base["applications"][0]["jwks_url"] = "https://keys.example.nhs.uk/jwks.json"
    base["environment"]["live"] = True
    accept(base)
    (problem,) = refuse(at(base, key, value))
    assert (problem.key, problem.message) == (where, message)
    base["environment"]["live"] = False
    accept(base)


def test_backend_roots(base: Data, refuse: Refuse) -> None:
    """Roots that cannot be read, or that belong to no https backend, are refused."""
    base["apis"][0] |= {"backend": "https://backend.example.nhs.uk", "backend_ca": PEM}
    base["apis"][1] |= {"backend_ca": PEM}
    assert [problem.message for problem in refuse(base)] == [
        "the certificates cannot be read", "`backend_ca` is for an https:// backend", "the certificates cannot be read"]


def test_secrets_are_not_repeated(base: Data, refuse: Refuse) -> None:
    """No message holds a key, valid or not."""
    base["environment"]["status_key"] = "hush-status"
    base["applications"][0]["api_keys"] = [{"key": "hush-short"}, {"key": 5}, {"key": "hush-twice-hush-twice"}]
    base["applications"][1]["api_keys"] = [{"key": "hush-twice-hush-twice"}]
    base["applications"][1]["jwks"] = {"keys": [{"kty": "hush", "d": "hush", "kid": ["hush"]}]}
    problems = refuse(base)
    assert len(problems) >= 5
    assert "hush" not in "\n".join(map(str, problems))


def test_text_and_json_forms_of_a_problem() -> None:
    """One line for people, one object for programs."""
    problem = Problem("m.yaml", 3, "apis[0].rutes", "unknown key `rutes`", "did you mean `routes`?")
    assert str(problem) == "m.yaml:3: apis[0].rutes: unknown key `rutes` (did you mean `routes`?)"
    assert problem.as_json() == {"file": "m.yaml", "line": 3, "key": "apis[0].rutes", "message": "unknown key `rutes`",
                                 "suggestion": "did you mean `routes`?"}
    assert str(ManifestInvalid([problem])).startswith("the manifest has 1 problem\nm.yaml:3:")


def test_files_that_cannot_be_read(tmp_path: Any) -> None:
    """A missing file is a problem like others; so is having none."""
    with pytest.raises(ManifestInvalid, match="the file cannot be read: No such file or directory"):
        check_files([tmp_path / "absent.yaml"])
    with pytest.raises(ManifestInvalid, match="a manifest has 1 to 1000 files, not 0"):
        check([])


def test_an_unreadable_file_hides_nothing_wrongly(base: Data) -> None:
    """When a file is not YAML only that is said: its entries would be missed by all others."""
    with pytest.raises(ManifestInvalid) as invalid:
        check([Source("one.yaml", json.dumps(base).encode()), Source("two.yaml", b"a: [\n"), Source("three.yaml", b"\xff")])
    assert {problem.file for problem in invalid.value.problems} == {"two.yaml", "three.yaml"}
