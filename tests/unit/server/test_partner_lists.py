"""Partners' revocation lists: fetched, kept when they are newer, and missed aloud."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

import pytest

from simulators.message_authority import MessageAuthority, new_key, pem_of
from wardgate.audit import Event, EventType
from wardgate.manifest.documents import document_of
from wardgate.outbound import FetchRules
from wardgate.sealing.keys import Use
from wardgate.server.message_key_health import key_health
from wardgate.server.partner_lists import SECTION, PartnerLists
from wardgate.stores import Stores
from wardgate.stores.ports import StoredDocument
from wardgate.workflows.key_directory import PublishedKeys, read_keys
from wardgate.workflows.model import MessageKeys, PublishedKey
from wardgate.workflows.revocation_lists import MAX_LIST_BYTES

NOW = datetime.now(UTC).replace(microsecond=0)
ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@dataclass
class Partner:
    """An authority whose list is published on this machine, and the key of an organisation that it certified."""

    authority: MessageAuthority
    lists: PartnerLists
    stores: Stores
    body: bytes | None = None
    asked: int = 0
    key: Any = field(default_factory=new_key)

    def document(self) -> MessageKeys:
        """What is stated of the organisation."""
        found = self.stores.documents.get(SECTION, "Z9X02")
        assert found is not None
        return MessageKeys.model_validate(found.body)

    def revoked(self) -> int | None:
        """How many certificates are on the list that is held."""
        held = read_keys(self.document()).trust.revocations
        return sum(1 for _ in held[0]) if held else None

    def publish(self, number: int, *revoked: Any) -> None:
        """Put another list where the certificates say."""
        self.body = self.authority.revocations(*revoked, number=number).encode()

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """What was recorded of the server's doing: the outcome, and the details."""
        bodies = [json.loads(record.body) for record in self.stores.audit.last(50)]
        return [(body["outcome"], body["details"]) for body in bodies if body.get("details", {}).get("by") == "server"]


@pytest.fixture
def partner(stores: Stores) -> Iterator[Partner]:
    """A partner, and the chore that fetches its list."""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked += 1
            self.send_response(404 if made.body is None else 200)
            self.send_header("Content-Length", str(len(made.body or b"")))
            self.end_headers()
            self.wfile.write(made.body or b"")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        authority = MessageAuthority("Partner Root", NOW - timedelta(hours=1))
        authority.list_url = f"http://127.0.0.1:{server.server_port}/root.crl"
        rules = FetchRules(max_body_bytes=MAX_LIST_BYTES, allowed_networks=(ip_network("127.0.0.0/8"),), plain_http_networks=ANYWHERE)
        made = Partner(authority, PartnerLists(stores, rules, lambda: ["Z9X02", "Z9X03", "GONE"], lambda: NOW, 3600), stores)
        key = PublishedKey(kid="p-1", use=Use.SIGNING, certificate=pem_of(authority.certify("Z9X02", made.key.public_key())))
        own = MessageKeys(organisation="Z9X03", keys=(key.model_copy(update={"kid": "o-1"}),))
        documents = [document_of(SECTION, found) for found in (MessageKeys(organisation="Z9X02", anchors=authority.pem, keys=(key,)), own)]
        stores.documents.write([StoredDocument(one.kind, one.name, one.body) for one in documents], [], Event(EventType.MESSAGE_KEY_CHANGED, NOW))
        yield made
        server.shutdown()


def test_a_newer_list_is_kept(partner: Partner) -> None:
    """One address is asked once, and only of organisations with authorities of their own; what is the same is not written again."""
    partner.publish(1)
    partner.lists.fetch()
    assert (partner.asked, partner.revoked()) == (1, 0)
    generation = partner.stores.generation.current()
    partner.lists.fetch()
    assert partner.stores.generation.current() == generation
    partner.publish(2, partner.authority.certify("Z9X02", partner.key.public_key()))
    partner.lists.fetch()
    assert partner.revoked() == 1
    assert partner.events() == [("allowed", {"kid": "", "organisation": "Z9X02", "change": "revocations", "lists": 1, "by": "server"})] * 2
    assert partner.lists.failing() == {}
    assert [key.kid for key in partner.document().keys] == ["p-1"]


@pytest.mark.parametrize(("body", "why"), [
    (None, "status 404"), (b"junk", "no revocation list, in PEM or DER"), (b"x" * 140_001, "at most 140000 bytes"),
    (MessageAuthority("Stranger").revocations().encode(), "signed by no authority"),
    (MessageAuthority("Partner Root").revocations(number=9).encode(), "signed by no authority"), ("older", "older than the one held"),
])
def test_what_cannot_be_had_is_missed_aloud(partner: Partner, body: bytes | str | None, why: str) -> None:
    """The list that is held stays; it is recorded once when it begins, and once when it is over."""
    partner.publish(5, partner.authority.certify("Z9X02", partner.key.public_key()))
    partner.lists.fetch()
    partner.body = partner.authority.revocations(number=3).encode() if isinstance(body, str) else body
    for _ in range(2):
        partner.lists.fetch()
    assert list(partner.lists.failing()) == ["Z9X02"]
    assert why in partner.lists.failing()["Z9X02"]
    assert partner.revoked() == 1
    published = PublishedKeys.of([read_keys(partner.document())])
    status, said = key_health(published, partner.lists.failing(), NOW)
    assert (status, said.startswith("Z9X02: its lists cannot be fetched: ")) == ("warn", True)
    partner.publish(6)
    partner.lists.fetch()
    assert (partner.lists.failing(), partner.revoked()) == ({}, 0)
    outcomes = [(outcome, "why" in details, "again" in details) for outcome, details in partner.events()]
    assert sorted(outcomes) == sorted([("allowed", False, False), ("refused", True, False), ("allowed", False, False), ("allowed", False, True)])


def test_no_private_address_is_asked(partner: Partner) -> None:
    """Unless the settings allow its network."""
    partner.lists.rules = FetchRules(plain_http_networks=ANYWHERE)
    partner.lists.fetch()
    assert "a public address" in partner.lists.failing()["Z9X02"]
    assert partner.asked == 0


@pytest.mark.parametrize(("days", "status", "why"), [
    (0, "pass", "1 published"), (22.4, "pass", "1 published"), (23, "warn", "the revocation list of CN=Partner Root ends at"),
    (31, "fail", "messages are refused: Z9X02: the revocation list of CN=Partner Root has ended"),
])
def test_a_list_ends(partner: Partner, days: float, status: str, why: str) -> None:
    """It is late from three quarters of its life on."""
    partner.publish(1)
    partner.lists.fetch()
    said = key_health(PublishedKeys.of([read_keys(partner.document())]), {}, NOW + timedelta(days=days))
    assert (said[0], why in said[1]) == (status, True)


def test_a_certificate_ends(partner: Partner) -> None:
    """A month before its end, unless another one of the organisation and use takes over; without a list nobody is believed."""
    assert key_health(PublishedKeys.of([read_keys(partner.document())]), {}, NOW) == (
        "fail", "messages are refused: Z9X02: there is no revocation list of CN=Partner Root")
    partner.publish(1)
    document = partner.document().model_copy(update={"revocations": partner.authority.revocations()})

    def health(document: MessageKeys, days: int) -> tuple[str, str]:
        # the lists are another matter: those of no authority are asked for
        read = read_keys(document)
        return key_health(PublishedKeys({key.kid: key for key in read.keys}), {}, NOW + timedelta(days=days))

    assert health(document, 300)[0] == "pass"
    assert health(document, 340) == ("warn", f"Z9X02: the certificate of its key p-1 for signing ends at {NOW - timedelta(hours=1) + timedelta(days=365):%Y-%m-%d}: wardgate message keys rotate")
    assert health(document, 366) == ("fail", "messages are refused: Z9X02: the certificate of its key p-1 for signing has ended")
    later = MessageAuthority("Later", NOW + timedelta(days=300)).certify("Z9X02", partner.key.public_key())
    more = document.model_copy(update={"keys": (*document.keys, PublishedKey(kid="p-2", use=Use.SIGNING, certificate=pem_of(later)))})
    assert health(more, 366)[0] == "pass"
