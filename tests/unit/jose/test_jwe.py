"""JWE of several recipients: jwcrypto agrees both ways, the lists come before keys, and a failure has one face."""

import json
import os
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto import jwe as other_jwe
from jwcrypto import jwk

from wardgate.jose import jwe
from wardgate.jose.base64url import decode, encode
from wardgate.jose.errors import AlgorithmRefused, JOSEError, MalformedJWE, Undecryptable, UnsuitableKey
from wardgate.jose.key_encryption import ephemeral_key, suitable

LIMIT, RECIPIENTS = 1_000_000, 8
TYP, CTYS = "t+jwe", frozenset({"JOSE"})
AAD = b'{"from":"X26OT001"}'
CONTENT = b"eyJh.eyJi.c2ln"
KEYS: dict[str, Any] = {
    "p-256": ec.generate_private_key(ec.SECP256R1()), "x25519": x25519.X25519PrivateKey.generate(), "rsa": rsa.generate_private_key(65537, 2048),
}
OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)


class Opener:
    """A private key that opens, and remembers whether it was asked."""

    def __init__(self, key: Any) -> None:
        self.key, self.asked = key, 0

    def agree(self, public: Any) -> bytes:
        """Z."""
        self.asked += 1
        if isinstance(self.key, x25519.X25519PrivateKey) and isinstance(public, x25519.X25519PublicKey):
            return self.key.exchange(public)
        if not isinstance(self.key, ec.EllipticCurvePrivateKey) or not isinstance(public, ec.EllipticCurvePublicKey):
            raise ValueError("another kind")  # noqa: TRY004 - the port says so
        return self.key.exchange(ec.ECDH(), public)

    def decrypt_oaep(self, encrypted: bytes) -> bytes:
        """What is hidden."""
        self.asked += 1
        return self.key.decrypt(encrypted, OAEP)


def sealed(*names: str) -> bytes:
    """A message to some of the keys."""
    recipients = [({"kid": name}, suitable(KEYS[name].public_key())) for name in names]
    return jwe.encrypt(CONTENT, {"typ": TYP, "cty": "JOSE"}, AAD, recipients, os.urandom)


def opened(data: bytes, name: str, opener: Opener | None = None) -> bytes:
    """The content, opened by one of the keys."""
    message = jwe.parse(data, LIMIT, RECIPIENTS)
    jwe.check_algorithms(message, TYP, CTYS)
    recipient = next(one for one in message.recipients if one.header.get("kid") == name)
    return jwe.decrypt(message, recipient, opener or Opener(KEYS[name]))[0]


def test_each_recipient_opens() -> None:
    """P-256, X25519 and RSA in one message, whose additional data is as it was given."""
    data = sealed(*KEYS)
    assert [opened(data, name) for name in KEYS] == [CONTENT] * 3
    assert jwe.parse(data, LIMIT, RECIPIENTS).aad == AAD


@pytest.mark.parametrize("name", KEYS)
def test_jwcrypto_opens_ours(name: str) -> None:
    """Each of several recipients."""
    token = other_jwe.JWE()
    token.deserialize(sealed(*KEYS).decode(), jwk.JWK.from_pyca(KEYS[name]))
    assert (token.payload, token.objects["aad"]) == (CONTENT, AAD)


@pytest.mark.parametrize("names", [["p-256"], ["x25519"], ["rsa"], ["rsa", "p-256"], ["x25519", "rsa", "p-256"]], ids="+".join)
def test_we_open_jwcryptos(names: list[str]) -> None:
    """General JSON, and the flattened form that it writes for one recipient."""
    token = other_jwe.JWE(CONTENT, json.dumps({"enc": "A256GCM", "typ": TYP, "cty": "JOSE"}), aad=AAD.decode())
    for name in names:
        alg = "RSA-OAEP-256" if name == "rsa" else "ECDH-ES+A256KW"
        token.add_recipient(jwk.JWK.from_pyca(KEYS[name]), json.dumps({"alg": alg, "kid": name}))
    for name in names:
        assert opened(token.serialize().encode(), name) == CONTENT


def test_nothing_is_used_twice() -> None:
    """Content key, IV and ephemeral keys are new for each message and recipient."""
    first, second = (json.loads(sealed("p-256", "x25519")) for _ in range(2))
    assert first["iv"] != second["iv"]
    assert first["ciphertext"] != second["ciphertext"]
    assert len({json.dumps(one["header"]["epk"]) for message in (first, second) for one in message["recipients"]}) == 4


REGIONS = ["protected", "aad", "iv", "ciphertext", "tag", "encrypted_key", "epk x", "epk y"]


@pytest.mark.parametrize("region", REGIONS)
def test_each_octet_of_each_region_counts(region: str) -> None:
    """Every octet, one at a time: refused, and where only the key could tell, by the one error."""
    message = json.loads(sealed("p-256"))
    entry = message["recipients"][0]
    holder, member = (entry["header"]["epk"], region[-1]) if region.startswith("epk") else (entry if region == "encrypted_key" else message, region)
    octets = decode(holder[member].encode())
    for at in range(len(octets)):
        holder[member] = encode(octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :])
        with pytest.raises(JOSEError) as refused:
            opened(json.dumps(message).encode(), "p-256")
        if region in {"aad", "iv", "ciphertext", "tag", "encrypted_key"}:
            assert refused.type is Undecryptable
        else:
            assert refused.type in {Undecryptable, MalformedJWE, AlgorithmRefused}


def test_rsa_key_octets_count() -> None:
    """What OAEP does not unwrap looks like a wrong tag."""
    message = json.loads(sealed("rsa"))
    entry = message["recipients"][0]
    octets = decode(entry["encrypted_key"].encode())
    for broken in (octets[:-1] + bytes([octets[-1] ^ 1]), octets[:-1], b"", bytes(256), KEYS["rsa"].public_key().encrypt(b"short", OAEP)):
        entry["encrypted_key"] = encode(broken)
        with pytest.raises(Undecryptable) as refused:
            opened(json.dumps(message).encode(), "rsa")
        assert str(refused.value) == str(Undecryptable())


def test_another_key_does_not_open() -> None:
    """Of the same kind, or of another."""
    for key in (ec.generate_private_key(ec.SECP256R1()), KEYS["rsa"], KEYS["x25519"]):
        with pytest.raises(Undecryptable):
            opened(sealed("p-256"), "p-256", Opener(key))


def changed(**members: Any) -> bytes:
    """A message with some members changed; None takes one away."""
    message = json.loads(sealed("p-256")) | members
    return json.dumps({name: value for name, value in message.items() if value is not None}).encode()


def protected(**members: Any) -> bytes:
    """A message with another protected header."""
    header = {"typ": TYP, "cty": "JOSE", "enc": "A256GCM"} | members
    return changed(protected=encode(json.dumps({name: value for name, value in header.items() if value is not None}).encode()))


def recipient(**members: Any) -> bytes:
    """A message with a second recipient, whose header is changed."""
    message = json.loads(sealed("p-256", "x25519"))
    header = message["recipients"][1]["header"]
    header |= members
    for name in [name for name, value in header.items() if value is None]:
        del header[name]
    return json.dumps(message).encode()


REFUSED = {
    "zip": protected(zip="DEF"),
    "no enc": protected(enc=None),
    "A128GCM": protected(enc="A128GCM"),
    "A256CBC-HS512": protected(enc="A256CBC-HS512"),
    "another typ": protected(typ="JWT"),
    "no typ": protected(typ=None),
    "another cty": protected(cty="JWT"),
    "crit": protected(crit=["x"], x=1),
    "RSA1_5 for another recipient": recipient(alg="RSA1_5"),
    "RSA-OAEP with SHA-1": recipient(alg="RSA-OAEP"),
    "dir": recipient(alg="dir"),
    "A256KW": recipient(alg="A256KW"),
    "ECDH-ES without wrapping": recipient(alg="ECDH-ES"),
    "PBES2": recipient(alg="PBES2-HS512+A256KW", p2c=10**9, p2s="AAAA"),
    "no alg": recipient(alg=None),
    "alg none": recipient(alg="none"),
    "jku of a recipient": recipient(jku="https://x.example"),
    "jwk of a recipient": recipient(jwk={}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_lists_come_before_any_key(name: str) -> None:
    """What is on no list is refused, for any of the recipients, and no key was asked."""
    opener = Opener(KEYS["p-256"])
    with pytest.raises(AlgorithmRefused):
        opened(REFUSED[name], "p-256", opener)
    assert opener.asked == 0


P256 = {"kty": "EC", "crv": "P-256"}
ZERO = encode(bytes(32))
EPKS = {
    "off the curve": P256 | {"x": encode(bytes(31) + b"\1"), "y": encode(bytes(31) + b"\1")},
    "infinity": P256 | {"x": ZERO, "y": ZERO},
    "beyond the field": P256 | {"x": encode(b"\xff" * 32), "y": ZERO},
    "another curve": {"kty": "EC", "crv": "P-384", "x": encode(bytes(48)), "y": encode(bytes(48))},
    "another type": {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
    "short coordinates": P256 | {"x": encode(bytes(31)), "y": encode(bytes(31))},
    "a private key": P256 | {"x": ZERO, "y": ZERO, "d": ZERO},
    "compressed": P256 | {"x": ZERO},
    "numbers": P256 | {"x": 1, "y": 2},
    "text": "epk",
    "absent": None,
}


@pytest.mark.parametrize("name", EPKS)
def test_the_ephemeral_key_is_a_point_of_our_curve(name: str) -> None:
    """Looked at before the private key is asked, for every recipient."""
    opener = Opener(KEYS["p-256"])
    with pytest.raises(MalformedJWE):
        opened(recipient(epk=EPKS[name]), "p-256", opener)
    assert opener.asked == 0


@pytest.mark.parametrize("low", ["00" * 32, "01" + "00" * 31, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"])
def test_x25519_points_of_low_order_do_not_decrypt(low: str) -> None:
    """Their Z would be known to everybody (RFC 7748 section 6.1)."""
    message = json.loads(sealed("x25519"))
    message["recipients"][0]["header"]["epk"]["x"] = encode(bytes.fromhex(low))
    with pytest.raises(Undecryptable):
        opened(json.dumps(message).encode(), "x25519")


MALFORMED = {
    "no JSON": b"eyJ.a.b.c.d",
    "a list": b"[]",
    "deep": b'{"recipients":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "a member twice": sealed("p-256")[:-1] + b',"tag":"AAAA"}',
    "a member twice in a recipient": sealed("p-256").replace(b'"kid":"p-256"', b'"kid":"p-256","kid":"x"'),
    "a member twice in the protected header": changed(protected=encode(b'{"enc":"A256GCM","enc":"A128GCM","typ":"t+jwe"}')),
    "an unknown member": changed(x=1),
    "a shared unprotected header": changed(unprotected={"alg": "dir"}),
    "no recipients": changed(recipients=None),
    "an empty list of recipients": changed(recipients=[]),
    "too many recipients": changed(recipients=json.loads(sealed("p-256"))["recipients"] * (RECIPIENTS + 1)),
    "recipients and a flattened one": changed(header={"alg": "dir"}),
    "a recipient that is text": changed(recipients=["x"]),
    "a recipient without a header": changed(recipients=[{"encrypted_key": "AAAA"}]),
    "a recipient with another member": changed(recipients=[{"header": {}, "encrypted_key": "AAAA", "x": 1}]),
    "an algorithm for all, and one for each": protected(alg="dir"),
    "a recipient's member that is protected too": recipient(enc="A256GCM"),
    "a kid that is a number": recipient(kid=7),
    "a kid of a thousand characters": recipient(kid="k" * 1000),
    "apu that is no base64url": recipient(apu="="),
    "apv that is a list": recipient(apv=[]),
    "no iv": changed(iv=None),
    "an IV of 128 bits": changed(iv=encode(bytes(16))),
    "an IV of 64 bits": changed(iv=encode(bytes(8))),
    "no tag": changed(tag=None),
    "an empty tag": changed(tag=""),
    "a tag of 96 bits": changed(tag=encode(bytes(12))),
    "a tag of 32 bits": changed(tag=encode(bytes(4))),
    "a tag of 160 bits": changed(tag=encode(bytes(20))),
    "padding": changed(ciphertext="AAA="),
    "white space in base64url": changed(ciphertext="AA AA"),
    "unused bits": changed(tag="A" * 21 + "B"),
    "too large": sealed("p-256") + b" " * LIMIT,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused(name: str) -> None:
    """One strict structure, within its limits; no key was asked."""
    opener = Opener(KEYS["p-256"])
    with pytest.raises(MalformedJWE):
        opened(MALFORMED[name], "p-256", opener)
    assert opener.asked == 0


def test_keys_that_are_not_encrypted_to() -> None:
    """Too small, of another curve, or for signing."""
    keys = (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP384R1()))  # noqa: S505 - weak on purpose
    for key in keys:
        with pytest.raises(UnsuitableKey):
            suitable(key.public_key())


def test_parties_are_part_of_the_agreement() -> None:
    """Another apu gives another key."""
    message = json.loads(sealed("p-256"))
    message["recipients"][0]["header"]["apu"] = encode(b"Alice")
    with pytest.raises(Undecryptable):
        opened(json.dumps(message).encode(), "p-256")


def test_recipients_are_changed_without_the_content() -> None:
    """Who has the content's key can make an entry for another; content, header and additional data are the same octets."""
    data = sealed("p-256")
    message = jwe.parse(data, LIMIT, RECIPIENTS)
    _, content_key = jwe.decrypt(message, message.recipients[0], Opener(KEYS["p-256"]))
    new = jwe.with_recipients(message, [jwe.entry({"kid": "rsa"}, KEYS["rsa"].public_key(), content_key)])
    assert opened(new, "rsa") == CONTENT
    before, after = json.loads(data), json.loads(new)
    assert {name: before[name] for name in before if name != "recipients"} == {name: after[name] for name in after if name != "recipients"}


def test_an_ephemeral_key_is_read() -> None:
    """The one that was written."""
    header = json.loads(sealed("p-256"))["recipients"][0]["header"]
    key = ephemeral_key(header)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert encode(key.public_numbers().x.to_bytes(32)) == header["epk"]["x"]


@given(st.binary(max_size=2_000), st.binary(min_size=1, max_size=200))
def test_round_trip(content: bytes, aad: bytes) -> None:
    """Any content and additional data."""
    data = jwe.encrypt(content, {"typ": TYP, "cty": "JOSE"}, aad, [({"kid": "x25519"}, KEYS["x25519"].public_key())], os.urandom)
    message = jwe.parse(data, LIMIT, RECIPIENTS)
    assert (opened(data, "x25519"), message.aad) == (content, aad)


@given(st.binary(max_size=60))
def test_no_octets_break_the_parser(octets: bytes) -> None:
    """It is refused."""
    for data in (octets, b'{"protected":"e30","recipients":[{"header":{}}],"ciphertext":"%b"}' % octets):
        with pytest.raises(MalformedJWE):
            jwe.parse(data, LIMIT, RECIPIENTS)
