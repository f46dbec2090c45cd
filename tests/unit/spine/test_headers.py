"""The headers of each family (spine 3), written and read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.spine.errors import CannotMint, SpineRefused
from wardgate.spine.headers import NAMES, Family, SystemHeaders, headers_for, read_headers, sender_of
from wardgate.spine.interactions import PREFIX

TRACE = "0f7a3c2e-9b41-4d0e-8f1a-2b6c1d5e7a90"
FLAG = PREFIX + "raflags:Flag.read:1"
HONEST: dict[str, Any] = {"sender": "200000100001", "receiver": "200000100002", "interaction": FLAG, "trace": TRACE}

WRITTEN = (
    (Family.REASONABLE_ADJUSTMENTS, {"FromASID": "200000100001", "ToASID": "200000100002", "InteractionID": FLAG, "TraceID": TRACE}),
    (Family.NRL, {"fromASID": "200000100001", "toASID": "200000100002"}),
    (Family.NEMS, {"fromASID": "200000100001", "toASID": "200000100002", "InteractionID": FLAG}),
    (Family.PROXY, {"Ssp-From": "200000100001", "Ssp-To": "200000100002", "Ssp-InteractionID": FLAG, "Ssp-TraceID": TRACE}),
)


@pytest.mark.parametrize(("family", "headers"), WRITTEN)
def test_headers_of_a_call(family: Family, headers: dict[str, str]) -> None:
    """As the family spells them, and read back in any case of letters."""
    assert headers_for(family, "t.t.", **HONEST) == {"Authorization": "Bearer t.t."} | headers
    read = read_headers(family, {name.lower(): value for name, value in headers.items()})
    assert (read.sender, read.receiver) == ("200000100001", "200000100002")
    assert read.interaction == (FLAG if family is not Family.NRL else None)
    assert read.trace == (TRACE if NAMES[family].trace else None)


def test_translated_headers() -> None:
    """What the internet gateway sends on since 2021."""
    assert headers_for(Family.TRANSLATED, "t.t.", sender="200000100001", trace=TRACE, correlation="c.rrt-1") == {
        "Authorization": "Bearer t.t.", "NHSD-ASID": "200000100001", "NHSD-Request-ID": TRACE, "NHSD-Correlation-ID": f"{TRACE}.c.rrt-1"}
    assert read_headers(Family.TRANSLATED, {"nhsd-asid": "200000100001"}) == SystemHeaders("200000100001")


@pytest.mark.parametrize(("change", "code", "text"), [
    ({"fromasid": None}, "from-asid-missing", "fromASID HTTP Header is missing"), ({"fromasid": "1"}, "from-asid-missing", "fromASID HTTP Header is missing"),
    ({"fromasid": "200000100001,200000100001"}, "from-asid-missing", "fromASID HTTP Header is missing"), ({"fromasid": "20000010000\u0661"}, "from-asid-missing", "fromASID HTTP Header is missing"),
    ({"fromasid": "200000100001\n"}, "from-asid-missing", "fromASID HTTP Header is missing"),
    ({"toasid": None}, "to-asid-missing", "toASID HTTP Header is missing"), ({"toasid": ""}, "to-asid-missing", "toASID HTTP Header is missing"),
    ({"interactionid": None}, "spine-header-missing", "InteractionID HTTP Header is missing"), ({"interactionid": ""}, "spine-header-invalid", "InteractionID HTTP Header is invalid"),
    ({"interactionid": FLAG + "," + FLAG}, "spine-header-invalid", "InteractionID HTTP Header is invalid"), ({"interactionid": "x" * 301}, "spine-header-invalid", "InteractionID HTTP Header is invalid"),
    ({"traceid": None}, "spine-header-missing", "TraceID HTTP Header is missing"), ({"traceid": "1"}, "spine-header-invalid", "TraceID HTTP Header is invalid"),
    ({"fromasid": None, "toasid": None, "traceid": None}, "from-asid-missing", "fromASID HTTP Header is missing"),
    ({"toasid": None, "interactionid": None, "traceid": None}, "to-asid-missing", "toASID HTTP Header is missing"),
])
def test_headers_refused(change: dict[str, str | None], code: str, text: str) -> None:
    """Sender, receiver, interaction, trace: the first that has not its form answers, 400."""
    honest = {"fromasid": "200000100001", "toasid": "200000100002", "interactionid": FLAG, "traceid": TRACE}
    given_headers = {name: value for name, value in (honest | change).items() if value is not None}
    with pytest.raises(SpineRefused) as caught:
        read_headers(Family.REASONABLE_ADJUSTMENTS, given_headers)
    found = caught.value.refusal
    assert (found.reason.code, found.reason.status, found.fill(found.reason.text)) == (code, 400, text)


@pytest.mark.parametrize("name", ["Ssp-From", "Ssp-To", "Ssp-InteractionID", "Ssp-TraceID"])
def test_the_proxy_names_its_header(name: str) -> None:
    """In its own shape."""
    headers = {key.lower(): value for key, value in WRITTEN[3][1].items() if key != name}
    with pytest.raises(SpineRefused) as caught:
        read_headers(Family.PROXY, headers)
    found = caught.value.refusal
    assert (found.reason.code, found.fill(found.reason.text)) == ("ssp-header-missing", f"{name} HTTP Header is missing or invalid")


def test_nrl_may_send_an_interaction() -> None:
    """It is read where it is sent, and asked for nowhere."""
    honest = {"fromasid": "200000100001", "toasid": "200000100002"}
    assert read_headers(Family.NRL, honest).interaction is None
    assert read_headers(Family.NRL, honest | {"interactionid": FLAG}).interaction == FLAG
    with pytest.raises(SpineRefused):
        read_headers(Family.NRL, honest | {"interactionid": "a b"})


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("change", [{"sender": "1"}, {"sender": ""}, {"sender": "200000100001\r\nX: y"}])
def test_headers_are_not_written_with_bad_values(family: Family, change: dict[str, str]) -> None:
    """A value that could begin another header least of all."""
    with pytest.raises(CannotMint, match="needs a value in its form"):
        headers_for(family, "t.t.", **(HONEST | change))


@pytest.mark.parametrize("change", [{"receiver": ""}, {"interaction": "a\r\nb"}, {"trace": "1"}])
def test_no_header_is_left_out(change: dict[str, str]) -> None:
    """Each that the family has is needed."""
    with pytest.raises(CannotMint):
        headers_for(Family.PROXY, "t.t.", **(HONEST | change))


@given(st.text(max_size=20))
def test_senders(text: str) -> None:
    """Twelve ASCII digits, or nobody."""
    found = sender_of(Family.NRL, {"fromasid": text})
    assert found is None or (len(text) == 12 and text.isascii() and text.isdigit())
