"""The known pitfalls of JOSE (itk3-messaging 7), each by name where the tests of the suites do not have it; and values of every kind in every place."""

import json
import os
import unicodedata
from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jose_seals import CONTENT, CONTEXT, Exchange, code_of
from message_world import NOW, World
from wardgate.jose import jws_octets
from wardgate.jose.base64url import encode
from wardgate.jose.canonical import canonical
from wardgate.sealing.canonical_forms import Form
from wardgate.sealing.context import canonical_context
from wardgate.sealing.fhir_signature import sign_bundle, verify_bundle
from wardgate.sealing.inspect import inspect
from wardgate.sealing.keys import Use
from wardgate.sealing.model import Statement
from wardgate.sealing.provenance import sign_resource, verify_in_bundle, verify_resource

EXCHANGE = Exchange()
WORLD = EXCHANGE.world
OTHER = WORLD.add("X26", Use.SIGNING)
SEALED = EXCHANGE.seal().body
BUNDLE = {"resourceType": "Bundle", "type": "document", "entry": [{"resource": {"resourceType": "Composition", "title": "\u00e9"}}]}
SIGNED = sign_bundle(json.dumps(BUNDLE).encode(), Statement(NOW), EXCHANGE.signer, "X26")


def test_never_every_key() -> None:
    """A signature by another key of the same organisation, under the wrong kid, is refused: keys are not tried one after the other."""
    forged = jws_octets.sign_compact(EXCHANGE.header(), CONTENT, OTHER.sign)
    assert EXCHANGE.refusal(EXCHANGE.crafted(forged)) == "signature-invalid"
    unnamed = EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header()), recipient={"kid": None, "x5t#S256": None})
    assert EXCHANGE.refusal(unnamed) == "seal-not-for-us"


def test_unicode_is_not_normalised() -> None:
    """The same letter spelt in another way is another text."""
    text = SIGNED.decode()
    spelt = unicodedata.normalize("NFD", text)
    assert spelt != text
    assert code_of(verify_bundle, spelt.encode(), directory=WORLD, now=NOW) == "signature-invalid"


def test_escapes_are_the_same_text() -> None:
    """A letter and its escape mean the same, and have one canonical form."""
    escaped = json.dumps(json.loads(SIGNED), ensure_ascii=True).encode()
    assert b"\\u00e9" in escaped
    assert code_of(verify_bundle, escaped, directory=WORLD, now=NOW) is None


def test_deep_nesting() -> None:
    """In a header, in what is not protected, in a context, in a resource: refused, and nothing overflows."""
    deep = b"[" * 100_000 + b"]" * 100_000
    protected = encode(b'{"alg":"ES256","x":%b}' % deep).encode()
    assert EXCHANGE.refusal(SEALED[:-1] + b',"x":%b}' % deep) == "seal-malformed"
    assert EXCHANGE.refusal(EXCHANGE.crafted(protected + b".AAAA.AAAA")) == "seal-malformed"
    assert EXCHANGE.refusal(EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header()), context=b'{"v":%b}' % deep[:900] + deep[-900:])) == "seal-malformed"
    assert code_of(verify_bundle, b'{"resourceType":"Bundle","x":%b}' % deep, directory=WORLD, now=NOW) == "seal-malformed"


def test_the_content_says_nothing_in_clear() -> None:
    """Two contents of one size look alike but for the ciphertext: no hash of either is readable."""
    first, second = (json.loads(EXCHANGE.seal(content).body) for content in (b"yes", b"noo"))
    assert first["aad"] == second["aad"]
    assert first["protected"] == second["protected"]
    assert len(first["ciphertext"]) == len(second["ciphertext"])


def test_a_key_of_one_use_is_not_used_for_the_other() -> None:
    """What is sealed to a signing key is not sealed."""
    assert code_of(EXCHANGE.seal, recipients=[EXCHANGE.key(EXCHANGE.signer)]) == "recipient-key-unusable"


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["", "ES256", "A256GCM", "x", "AAAA", "2026-03-01T12:00:00Z"]),
    st.lists(st.sampled_from(["x", 1, None, {}]), max_size=2), st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "identifier"]), st.sampled_from(["EC", "P-256", "AAAA", 1, [], {}]), max_size=4),
)
ANYTHING = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@ANYTHING
@given(st.sampled_from(["alg", "kid", "x5t#S256", "typ", "cty", "crit", "sigT", "purpose", "ctxh", "role", "obo", "x5c", "b64", "jwk"]), VALUES)
def test_any_value_in_the_signatures_header(name: str, value: Any) -> None:
    """It is opened or refused by a code; nothing else happens."""
    header = EXCHANGE.header()
    header[name] = value
    if name != "crit" and name not in header["crit"] and name not in ("alg", "kid", "x5t#S256", "typ", "cty", "x5c", "jwk"):
        header["crit"] = [*header["crit"], name]
    EXCHANGE.refusal(EXCHANGE.crafted(EXCHANGE.signed(header)))


def placed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of JSON with one value put somewhere."""
    made = json.loads(json.dumps(document))
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return made


def paths(document: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in JSON."""
    inner = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    return [path for name, value in inner for path in [(*before, name), *paths(value, (*before, name))]]


@ANYTHING
@given(st.sampled_from(paths(json.loads(SEALED))), VALUES)
def test_any_value_in_the_wire_form(path: tuple[Any, ...], value: Any) -> None:
    """It is refused by a code, or means the same."""
    body = json.dumps(placed(json.loads(SEALED), path, value)).encode()
    assert EXCHANGE.refusal(body) is not None or json.loads(body) == json.loads(SEALED) or path[-1] in {"x5t#S256", "kid"}
    code_of(inspect, body)


@ANYTHING
@given(st.sampled_from(["enc", "typ", "cty", "zip", "crit", "alg"]), VALUES)
def test_any_value_in_the_protected_header(name: str, value: Any) -> None:
    """It is refused by a code."""
    header = {"enc": "A256GCM", "typ": "itk3-seal+jwe", "cty": "JOSE"} | {name: value}
    body = json.dumps(json.loads(SEALED) | {"protected": encode(json.dumps(header).encode())}).encode()
    assert EXCHANGE.refusal(body) is not None


@ANYTHING
@given(st.sampled_from(paths(CONTEXT.members())), VALUES)
def test_any_value_in_the_context(path: tuple[Any, ...], value: Any) -> None:
    """It is refused by a code, or is the same."""
    octets = canonical(placed(CONTEXT.members(), path, value))
    refused = EXCHANGE.refusal(EXCHANGE.crafted(EXCHANGE.signed(EXCHANGE.header()), context=octets))
    assert refused is not None or octets == canonical_context(CONTEXT)


@ANYTHING
@given(st.sampled_from(["sigTst", "cSig", "x"]), VALUES, st.booleans())
def test_any_value_beside_the_signature(name: str, value: Any, listed: bool) -> None:
    """It is refused by a code."""
    beside = {"etsiU": [{name: value}] if listed else value} if name != "x" else {"x": value}
    refused = EXCHANGE.refusal(EXCHANGE.crafted(jws_octets.flatten(EXCHANGE.signed(EXCHANGE.header()), beside)))
    assert refused is not None or beside == {"etsiU": []}


@ANYTHING
@given(st.sampled_from(paths(json.loads(SIGNED))), VALUES)
def test_any_value_in_a_signed_bundle(path: tuple[Any, ...], value: Any) -> None:
    """Verified only where the covered part is as it was."""
    document = placed(json.loads(SIGNED), path, value)
    refused = code_of(verify_bundle, json.dumps(document).encode(), directory=WORLD, now=NOW)
    if refused is None:
        assert {name: document.get(name) for name in BUNDLE} == BUNDLE


@ANYTHING
@given(st.sampled_from(["alg", "kid", "x5t#S256", "x5c", "typ", "cty", "crit", "canon", "sigT", "srCms", "role", "obo", "kty"]), VALUES)
def test_any_value_in_the_header_of_a_fhir_signature(name: str, value: Any) -> None:
    """It is verified or refused by a code."""
    document = json.loads(SIGNED)
    header = dict(jws_octets.parse(b64decode(document["signature"]["data"]), 100_000).header) | {name: value}
    document["signature"]["data"] = b64encode(jws_octets.sign_detached(header, canonical(BUNDLE), EXCHANGE.signer.sign)).decode()
    code_of(verify_bundle, json.dumps(document).encode(), directory=WORLD, now=NOW)


TARGET = {"resourceType": "Patient", "id": "1"}
PROVENANCE = json.loads(sign_resource(json.dumps(TARGET).encode(), "Patient/1", Statement(NOW), EXCHANGE.signer, "X26", form=Form.WHOLE))
TOGETHER = {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:p", "resource": PROVENANCE}, {"fullUrl": "urn:uuid:1", "resource": TARGET}]}


@ANYTHING
@given(st.sampled_from(paths(TOGETHER)), VALUES)
def test_any_value_in_a_provenance(path: tuple[Any, ...], value: Any) -> None:
    """What is proved is the target as it was."""
    document = placed(TOGETHER, path, value)
    bundle = json.dumps(document).encode()
    if code_of(verify_in_bundle, bundle, directory=WORLD, now=NOW) is None:
        assert verify_in_bundle(bundle, directory=WORLD, now=NOW).resource == TARGET
        provenance = json.dumps(document["entry"][0]["resource"]).encode()
        code_of(verify_resource, provenance, json.dumps(TARGET).encode(), directory=WORLD, now=NOW)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 1_000])
def test_octets_that_are_nothing(size: int) -> None:
    """Random octets are refused by a code, wherever a seal is read."""
    octets = os.urandom(size)
    assert EXCHANGE.refusal(octets) in {"seal-malformed", "seal-encryption-missing"}
    assert code_of(inspect, octets) == "seal-malformed"
    assert code_of(verify_bundle, octets, directory=World(), now=NOW) == "seal-malformed"
