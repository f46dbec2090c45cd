"""Targets of the secure proxy: what is one, and everything that only looks like one."""

import json
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.security_patterns.systems import GP_ROOT, PROVIDER_NAME
from wardgate.security_patterns.target import MAX_TARGET_CHARS, NoTarget, Target, parse

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "secure_proxy_targets.json").read_text())["vectors"]
PATH = GP_ROOT.removeprefix(f"https://{PROVIDER_NAME}")


def encoded(text: str) -> str:
    """As `encodeURIComponent` does it."""
    return quote(text, safe="~!'()*")


@pytest.mark.parametrize(("path", "query", "expected"), [
    (f"/{GP_ROOT}/Slot", "", Target(PROVIDER_NAME, f"{PATH}/Slot")),
    (f"/{GP_ROOT}/Slot", "start=ge2026-11-21&status=free", Target(PROVIDER_NAME, f"{PATH}/Slot", "?start=ge2026-11-21&status=free")),
    (f"/{GP_ROOT}/Patient", "identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018",
     Target(PROVIDER_NAME, f"{PATH}/Patient", "?identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018")),
    (f"/{GP_ROOT}/Patient", "identifier=https%3A%2F%2Ffhir.nhs.uk%2FId%7C9990000018", Target(PROVIDER_NAME, f"{PATH}/Patient", "?identifier=https%3A%2F%2Ffhir.nhs.uk%2FId%7C9990000018")),
    (f"/{GP_ROOT}/Patient/$gpc.getstructuredrecord", "", Target(PROVIDER_NAME, f"{PATH}/Patient/$gpc.getstructuredrecord")),
    (f"/{GP_ROOT}/Binary/a%20b", "", Target(PROVIDER_NAME, f"{PATH}/Binary/a%20b")),
    (f"/{GP_ROOT}/", "", Target(PROVIDER_NAME, f"{PATH}/")),
    (f"/https://{PROVIDER_NAME}/", "", Target(PROVIDER_NAME, "/")),
    ("/" + encoded(f"{GP_ROOT}/Slot?a=b|c&d=https://e"), "", Target(PROVIDER_NAME, f"{PATH}/Slot", "?a=b|c&d=https://e")),
    ("/" + encoded(f"{GP_ROOT}/Slot").replace("%3A", "%3a").replace("%2F", "%2f"), "", Target(PROVIDER_NAME, f"{PATH}/Slot")),
], ids=["plain", "query", "bar", "encoded query", "operation", "encoded blank", "slash at the end", "root", "encoded", "small letters"])  # fmt: skip
def test_targets(path: str, query: str, expected: Target) -> None:
    """As it is, and percent-encoded as a whole (spine 10)."""
    assert parse(path, query) == expected


def test_there_are_enough_bad_ones() -> None:
    """Each of another kind."""
    assert len({vector["comment"] for vector in VECTORS}) == len(VECTORS) >= 130


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["comment"] for vector in VECTORS])
def test_what_is_none(vector: dict[str, str]) -> None:
    """No target at all, or one elsewhere: never at, or below, the endpoint."""
    with suppress(NoTarget):
        assert not parse("/" + vector["target"], vector["query"]).begins_with(GP_ROOT)


def test_the_longest() -> None:
    """Path and query together are shorter than the limit."""
    query = "a" * (MAX_TARGET_CHARS - len(GP_ROOT) - 1)
    assert parse(f"/{GP_ROOT}", query).query == f"?{query}"
    with pytest.raises(NoTarget, match="longer than"):
        parse(f"/{GP_ROOT}", query + "a")


@pytest.mark.parametrize("length", [252, 254])
def test_the_longest_name(length: int) -> None:
    """RFC 1035 section 2.3.4, in text: 253 characters."""
    host = "a." * (length // 2 - 1) + "nh"
    assert len(host) == length
    if length <= 253:
        assert parse(f"/https://{host}/", "").host == host
    else:
        with pytest.raises(NoTarget):
            parse(f"/https://{host}/", "")


@pytest.mark.parametrize(("url", "endpoint", "expected"), [
    (GP_ROOT, GP_ROOT, True), (f"{GP_ROOT}/Slot", GP_ROOT, True), (f"{GP_ROOT}2", GP_ROOT, False), (f"{GP_ROOT}/", GP_ROOT, True),
    (f"https://{PROVIDER_NAME}/Slot", f"https://{PROVIDER_NAME}", True), (f"https://{PROVIDER_NAME}/Slot", f"https://{PROVIDER_NAME}/", True),
    (f"https://{PROVIDER_NAME}/Slot", "https://gp.example.thirdparty.nhs", False), (f"{GP_ROOT}/Slot", f"{GP_ROOT}/Slot/", False),
])  # fmt: skip
def test_an_endpoint_ends_where_a_segment_does(url: str, endpoint: str, expected: bool) -> None:
    """Byte for byte."""
    assert parse("/" + url, "").begins_with(endpoint) is expected


PARTS = st.sampled_from((
    "https://", "https:/", "http://", GP_ROOT, PATH, PROVIDER_NAME, "evil.example", "@", ":", ":443", "/", "//", "\\", "..", ".", ";", "?", "#", "%", "%2F", "%2e",
    "%25", "%00", "%3A", "|", "Slot", "a b", "\t", "\r\n", "\u00e9", "127.0.0.1", "[::1]",
))  # fmt: skip
ENDINGS = st.lists(PARTS | st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=6), max_size=6).map("".join)


@given(st.sampled_from(("", GP_ROOT, GP_ROOT + "/", "https://" + PROVIDER_NAME)), ENDINGS, st.text("ab=&|%25/#? \\", max_size=8), st.integers(0, 2))
def test_what_is_relayed_is_what_was_sent(begin: str, rest: str, query: str, times: int) -> None:
    """Whatever is a target is its host and path joined again, once decoded; its path means the same to every reader."""
    sent = begin + rest
    for _ in range(times):
        sent = encoded(sent)
    try:
        found = parse("/" + sent, query)
    except NoTarget:
        return
    whole = f"https://{found.host}{found.rest}"
    assert whole in {sent + (f"?{query}" if query else ""), unquote(sent)}
    assert whole.isascii()
    assert whole.isprintable()
    assert not {"", ".", ".."} & set(unquote(found.path).split("/")[1:-1])
    assert unquote(found.path).split("/")[-1] not in {".", ".."}
    assert not set("\\#;?") & set(unquote(found.path))
    assert unquote(found.path).count("/") == found.path.count("/")
    if found.begins_with(GP_ROOT):
        assert whole.startswith(GP_ROOT)
        assert whole[len(GP_ROOT):][:1] in {"", "/", "?"}
