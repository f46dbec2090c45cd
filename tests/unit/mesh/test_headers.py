"""Headers of a message that is sent: limits, characters, order of checks, and what is kept (itk3-messaging 5.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.mesh import headers
from wardgate.mesh.errors import MeshRefused

GOOD = {"Mex-To": "bob", "Mex-WorkflowID": "LETTERS"}


def raw(**given: str) -> dict[bytes, bytes]:
    """Return good headers with others."""
    stated = GOOD | {name.replace("_", "-"): value for name, value in given.items()}
    return {name.lower().encode(): value.encode("latin-1") for name, value in stated.items()}


def refused(**given: str) -> MeshRefused:
    """Return why these are refused."""
    with pytest.raises(MeshRefused) as caught:
        headers.read(raw(**given), "ALICE")
    return caught.value


def test_the_least() -> None:
    """An address and a workflow; one chunk."""
    said = headers.read(raw(), "ALICE")
    assert (said.to, said.workflow, str(said.chunks), said.local_id, said.encoding, said.checksum, dict(said.kept)) == ("BOB", "LETTERS", "1:1", "", "", "", {})


def test_what_is_kept() -> None:
    """What is passed on, as it came; flags are Y or nothing."""
    said = headers.read(raw(
        Mex_Subject="\u00a35", Mex_LocalID="l", Mex_FileName="f", Mex_PartnerID="p", Mex_Content_Checksum="md5 1", Mex_Content_Type="a/b", Content_Type="c/d",
        Mex_Content_Compressed="y", Mex_Content_Encrypted="N", Content_Encoding=" GZIP ", Mex_Chunk_Range=" 1 : 3 ", Mex_From="alice", Mex_Version="1.0",
        Mex_MessageType="Data", X_Other="x",
    ), "ALICE")
    assert dict(said.kept) == {
        "mex-subject": "\u00a35", "mex-filename": "f", "mex-partnerid": "p", "mex-content-checksum": "md5 1", "mex-content-type": "a/b", "content-type": "c/d",
        "mex-content-compressed": "Y", "content-encoding": "gzip",
    }
    assert (str(said.chunks), said.local_id, said.encoding) == ("1:3", "l", "gzip")


@pytest.mark.parametrize("name", headers.MAX_CHARACTERS)
def test_each_limit(name: str) -> None:
    """One character more is named."""
    found = refused(**{name.replace("-", "_"): "1" * (headers.MAX_CHARACTERS[name] + 1)})
    assert found.code == "mesh-parameter-long"
    assert dict(found.refusal.values) == {"kind": "string_too_long", "place": "header", "name": name.lower(), "limit": str(headers.MAX_CHARACTERS[name])}


@pytest.mark.parametrize("character", ["\x00", "\x01", "\t", "\x1f", "\x7f"])
@pytest.mark.parametrize("name", ["Mex-To", "Mex-Subject", "Mex-LocalID", "Mex-FileName", "Mex-Content-Checksum"])
def test_control_characters(name: str, character: str) -> None:
    """They name the header."""
    found = refused(**{name.replace("-", "_"): f"a{character}b"})
    assert (found.code, found.fields) == ("mesh-control-file", (name,))


@pytest.mark.parametrize("name", ["Mex-To", "Mex-WorkflowID", "Mex-Content-Checksum"])
@pytest.mark.parametrize("url", ["http://a", "HTTPS:b", " https://c"])
def test_urls(name: str, url: str) -> None:
    """Not where an address or a name should be; a subject may have one."""
    assert refused(**{name.replace("-", "_"): url}).fields == (name,)
    assert headers.read(raw(Mex_Subject=url), "ALICE")


def test_several_malformed_fields() -> None:
    """All are named."""
    assert refused(Mex_To="http://a", Mex_Subject="a\x01").fields == ("Mex-To", "Mex-Subject")


@pytest.mark.parametrize(("given", "code"), [
    ({"Mex_Content_Checksum": "a;b"}, "mesh-checksum-form"), ({"Mex_To": " "}, "mesh-to-missing"), ({"Mex_WorkflowID": ""}, "mesh-parameter-missing"),
    ({"Mex_From": "BOB"}, "mesh-from-address"), ({"Mex_Version": "2.0"}, "mesh-version"), ({"Mex_MessageType": "REPORT"}, "mesh-message-type"),
    ({"Content_Encoding": "br"}, "mesh-content-encoding"), ({"Content_Encoding": "gzip, gzip"}, "mesh-content-encoding"), ({"Mex_Chunk_Range": "2:2"}, "mesh-chunk-range"),
])
def test_each_refusal(given: dict[str, str], code: str) -> None:
    """By its code."""
    assert refused(**given).code == code


def test_their_order() -> None:
    """All at once: the first is said, and when it is put right the next one."""
    wrong = {
        "Mex_Subject": "x" * 501, "Mex_FileName": "a\x01", "Mex_Content_Checksum": ";", "Mex_To": "", "Mex_WorkflowID": "", "Mex_From": "BOB", "Mex_Version": "2",
        "Mex_MessageType": "x", "Content_Encoding": "br", "Mex_Chunk_Range": "0:0",
    }
    order = []
    for name in list(wrong):
        order.append(refused(**wrong).code)
        wrong.pop(name)
    assert order == [
        "mesh-parameter-long", "mesh-control-file", "mesh-checksum-form", "mesh-to-missing", "mesh-parameter-missing", "mesh-from-address", "mesh-version",
        "mesh-message-type", "mesh-content-encoding", "mesh-chunk-range",
    ]


@given(st.dictionaries(st.sampled_from(list(headers.MAX_CHARACTERS)), st.text(st.characters(max_codepoint=255), max_size=600)))
def test_any_octets(given: dict[str, str]) -> None:
    """They are read, or refused with a code; nothing else."""
    try:
        said = headers.read({name.lower().encode(): value.encode("latin-1") for name, value in given.items()}, "ALICE")
    except MeshRefused:
        return
    assert said.to == said.to.strip().upper() != ""
    assert not any(ord(char) < 32 for value in said.kept.values() for char in value)


@pytest.mark.parametrize("missing", headers.HANDSHAKE)
def test_a_handshake_says_what_the_client_is(missing: str) -> None:
    """Each of the three is required, and bounded."""
    given = {name.lower().encode(): b"x" for name in headers.HANDSHAKE}
    headers.check_handshake(given)
    for value, code in ((None, "mesh-parameter-missing"), (b"x" * 501, "mesh-parameter-long")):
        other = {name: text for name, text in (given | {missing.lower().encode(): value}).items() if text is not None}
        with pytest.raises(MeshRefused, match=code):
            headers.check_handshake(other)
