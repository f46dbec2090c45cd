"""Partners' revocation lists, fetched now and then from where their certificates say (RFC 5280 section 4.2.1.13).

Without a current list of its authority nobody's signature is believed, so what cannot be had is told early: it is recorded when
it begins and when it is over, and in `_status` as long as it lasts. The list that is held stays until there is a newer one.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from pydantic import ValidationError

from wardgate.audit.model import Event, EventType, Outcome
from wardgate.manifest.documents import document_of
from wardgate.outbound import FetchRules, JWKSUnavailable
from wardgate.outbound.fetch import Fetcher
from wardgate.stores import Stores, Superseded
from wardgate.stores.ports import StoredDocument
from wardgate.workflows.model import MessageKeys
from wardgate.workflows.revocation_lists import ListRefused, distribution_points, joined, newest, read_lists

SECTION: Final = "message_keys"
AT_ONCE: Final = 8
MAX_ADDRESSES: Final = 8
"""Of the lists of one organisation."""
TRIES: Final = 3
_WHY_LENGTH: Final = 200

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PartnerLists:
    """Keeps the lists of organisations whose own authorities are believed. `fetch` is blocking and safe to repeat."""

    stores: Stores
    rules: FetchRules
    organisations: Callable[[], Collection[str]]
    """Those that have message keys."""
    now: Callable[[], datetime]
    every_seconds: float
    _failing: Mapping[str, str] = field(default_factory=dict)

    def failing(self) -> Mapping[str, str]:
        """Return the organisations whose lists could not be had last time, and why."""
        return self._failing

    def fetch(self) -> None:
        """Fetch every list once, and store those that are newer. Raises `StoreError`."""
        documents = {ods: found for ods in sorted(self.organisations()) if (found := self._document(ods)) is not None}
        wanted = {ods: distribution_points(found)[:MAX_ADDRESSES] for ods, found in documents.items() if found.anchors is not None}
        answers = asyncio.run(self._answers({url for urls in wanted.values() for url in urls}))
        failing: dict[str, str] = {}
        for ods, urls in wanted.items():
            why = self._take(ods, {url: answers[url] for url in urls})
            if why is not None:
                failing[ods] = why
        self._tell(failing)
        self._failing = failing

    def _document(self, ods: str) -> MessageKeys | None:
        found = self.stores.documents.get(SECTION, ods)
        return MessageKeys.model_validate(found.body) if found is not None else None

    async def _answers(self, urls: Collection[str]) -> dict[str, bytes | str]:
        """Return what each address answered, or why it did not."""
        gate, fetcher = asyncio.Semaphore(AT_ONCE), Fetcher(self.rules)

        async def ask(url: str) -> bytes | str:
            async with gate:
                try:
                    return await fetcher.get(url)
                except JWKSUnavailable as unavailable:
                    return str(unavailable)

        try:
            return dict(zip(urls, await asyncio.gather(*map(ask, urls)), strict=True))
        finally:
            await fetcher.aclose()

    def _take(self, ods: str, answers: Mapping[str, bytes | str]) -> str | None:
        """Store what is newer of an organisation; return what was wrong with the rest, None when nothing was."""
        wrong, lists = [], []
        for url, answer in answers.items():
            try:
                lists.append(_read(answer))
            except ListRefused as refused:
                wrong.append(f"{url[:80]}: {refused}"[:_WHY_LENGTH])
        for found in lists:
            try:
                self._store(ods, found)
            except ListRefused as refused:
                wrong.append(str(refused)[:_WHY_LENGTH])
        return "; ".join(wrong) or None

    def _store(self, ods: str, lists: list[x509.CertificateRevocationList]) -> None:
        """Raises `ListRefused`, `StoreError`."""
        for _ in range(TRIES):
            seen, document = self.stores.generation.current(), self._document(ods)
            if document is None or document.anchors is None:
                return
            kept = joined(newest(document, lists))
            if kept == joined(newest(document, ())):
                return
            try:
                changed = MessageKeys.model_validate(document.model_dump() | {"revocations": kept})
            except ValidationError:
                raise ListRefused(f"the lists of {ods} have no room in its document") from None
            written = document_of(SECTION, changed)
            event = self._event(ods, Outcome.ALLOWED, change="revocations", lists=len(lists))
            try:
                self.stores.documents.write([StoredDocument(written.kind, written.name, written.body)], [], event, seen)
            except Superseded:
                continue
            return
        _log.info("the lists of %s were not stored, because the manifest was being changed; they are fetched again", ods)

    def _tell(self, failing: Mapping[str, str]) -> None:
        """Record whose lists cannot be had from now on, and whose can again."""
        events = [self._event(ods, Outcome.REFUSED, change="revocations", why=why) for ods, why in failing.items() if ods not in self._failing]
        events += [self._event(ods, Outcome.ALLOWED, change="revocations", again=True) for ods in self._failing if ods not in failing]
        if events:
            self.stores.audit.append(events)
        for ods, why in failing.items():
            _log.warning("the revocation lists of %s cannot be renewed: %s", ods, why)

    def _event(self, ods: str, outcome: Outcome, **details: str | int | bool) -> Event:
        return Event(EventType.MESSAGE_KEY_CHANGED, self.now(), outcome, details={"kid": "", "organisation": ods, **details, "by": "server"})


def _read(answer: bytes | str) -> list[x509.CertificateRevocationList]:
    if isinstance(answer, str):
        raise ListRefused(answer)
    return read_lists(answer)
