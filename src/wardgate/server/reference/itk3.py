"""`itk3.md`: messages as they are read and written, and the code tables."""

from collections.abc import Iterator
from typing import Final

from wardgate.itk3.attachments import NOT_APPROVED, NOT_SUPPORTED
from wardgate.itk3.codes import DEFINITIONS, EVENTS, ONE_WAY_WORKFLOWS, RECIPIENT_TYPES, WORKFLOWS, definition_of
from wardgate.itk3.handling import KEYS, MAX_REFERENCE_CHARS
from wardgate.itk3.model import ResponseCode
from wardgate.itk3.names import HANDLING, UNREADABLE
from wardgate.itk3.response_codes import RESPONSE_CODE_ROWS
from wardgate.itk3.rules import APPROVED_TYPES, FLAGS, MAX_BYTES, MAX_ENTRIES

INTRODUCTION: Final = f"""\
# ITK3 messages

What a message is, what is checked of it, and the code that answers each fault. A message is a FHIR `Bundle` of type `message`: its first
entry is the `MessageHeader`, then come the sender, a receiver if one is named, and the payload, or the `OperationOutcome` of a response.
Messages are written in XML and, where both sides agree, in JSON; both are read, in STU3 and in R4. Reading finds out which it is.

## What is checked

In this order; what is wrong is named by its element's path, such as `Bundle.entry[0].resource.MessageHeader.event`, never by its value.
Everything that is wrong is listed (the first hundred), and the first one's code answers the message. What leaves is checked as what enters.

| what | answered with |
|---|---|
| at most {MAX_BYTES:,} bytes, {MAX_ENTRIES:,} entries, and the levels and values that FHIR's reader allows | 20015 |
| XML or JSON, without document type, entities or repeated names; a Bundle of type message | 10009 |
| every element and value is FHIR's: in the handling extension, in the header, in the payload | 1000x by key, 20006, 20009 |
| the bundle has an id and an identifier; no `total`, `link`, `signature`, `implicitRules`; no `link`, `search`, `request`, `response` in entries | 20006 |
| every entry has a resource and a `fullUrl` of its own, a UUID as a URN | 20006, 20009 |
| the header has an id, event, time, sender and mailbox; no destination, author, enterer, responsible, reason, software, `modifierExtension` | 20006 |
| the handling extension has its six keys once (below), and goes with the event and the payload | 10001 to 10010 |
| sender and receiver are an Organization with an ODS code, or a Practitioner with an SDS id, and say no more | 20006 |
| a response has event ITK008M, what it answers, an outcome, and issues whose codes are of the table; anything else has one payload | 20006 |
| the payload has no signature; references lead to its own entries (`urn:uuid:`, `#contained`), attachments are inside | 20009 |
| a document has an id, an identifier, a date; a Composition first, and no other, with identifier, status, type, subject, date, author, title | 20009 |
| an attachment has a type that is supported ({NOT_SUPPORTED}), approved and true ({NOT_APPROVED}): octets begin as their type says | {NOT_SUPPORTED}, {NOT_APPROVED} |
| with a directory at hand: the message and its document are for us, the sender is known, what is replaced is here | 20001 to 20003, 20010, 20011, 20014 |

A lenient reader (`Rules(strict=False)`) passes over some of these and says so in a warning: keys that were not agreed, `PriorityFlag` among
them, a missing `LocalExtension` or document date, national definitions and flags that it does not know, elements of a sender that should
not be there, resources that the header does not name, and the missing keys of a response.

A message that is refused is answered all the same, by the id and the flags that its header still shows, be it cut off, too large or not FHIR.
Where no id can be read the response says `{UNREADABLE}`.

## R4

ITK3 is defined for STU3. A message of R4 has the same profiles, code systems and handling extension, and these differences:

| STU3 | R4 |
|---|---|
| `MessageHeader.event` | `MessageHeader.eventCoding` |
| `MessageHeader.timestamp` | `Bundle.timestamp` |
| `MessageHeader.receiver` | `MessageHeader.destination.receiver`; `destination.endpoint` is `urn:nhs-uk:addressing:ods:` and the ODS code |
| the handling extension's MessageDefinition | the same, and `MessageHeader.definition` with the same URL; another one is answered with 10004 |
| `Binary.content` | `Binary.data` |

## Payload

With two bundles the payload is a `Bundle` of its own, and the header's `focus` leads to it. With one, its resources lie in the message's own
bundle, and `focus` leads to the first of them. `build` makes either, of a document's bundle or of resources of which the Composition comes
first: ids and identifiers that are there stay, those that are missing are made, and references by type and id become `urn:uuid:`.
"""
RESPONSES: Final = """\
## Responses

Which ones are owed follows from the two flags. A message that is refused is owed an infrastructure response, and nothing after it, if it asked
for any response; where a flag cannot be read, an infrastructure response is always sent. Infrastructure responses are never answered; business
responses are where the workflow says `full_ack`, or where they ask for it. On a one-way workflow nothing is answered.

| InfAckRequested | BusAckRequested | responses |
|---|---|---|
| true | true | infrastructure, then business |
| true | false | infrastructure |
| false | false | none |

A response has event ITK008M, both flags false (of a business response with `full_ack`, InfAckRequested is true), the original's
SenderReference, the id of the original's header, and codes: nothing of the patient. It travels on the workflow with `_ACK` added.
"""


def page() -> str:
    """Return the whole page."""
    parts = (_keys(), _events(), _definitions(), _workflows(), _attachments(), iter(RESPONSES.splitlines()), _codes())
    return "\n".join([INTRODUCTION, *(line for part in parts for line in part)]).rstrip() + "\n"


def _keys() -> Iterator[str]:
    types = ", ".join(f"`{code}` {display}" for code, display in RECIPIENT_TYPES.items())
    values = {
        "BusAckRequested": "true or false", "InfAckRequested": "true or false", "RecipientType": f"a coding: {types}",
        "MessageDefinition": "a reference that is an absolute URL", "SenderReference": f"a text of at most {MAX_REFERENCE_CHARS} characters, `None` if unused",
        "LocalExtension": "any value; `None` if unused",
    }  # fmt: skip
    yield from ("## Handling", "", f"The extension `{HANDLING}`. A key that is missing, or there twice, is answered with 10001, as is one that was not agreed.", "")
    yield from ("| key | value | another value is answered with |", "|---|---|---|")
    yield from (f"| `{name}` | {values[name]} | {code} |" for name, code in KEYS.items())
    yield from ("", "10008 answers flags that go with nothing: a business response without an infrastructure response, a response that asks for a business")
    yield from ("response, the definition of responses with another event, or other flags than the event's payload prescribes. 10005 answers another", "version.", "")


def _events() -> Iterator[str]:
    yield from ("## Events", "", "| code | display | usual definition | flags prescribed |", "|---|---|---|---|")
    for code, display in EVENTS.items():
        name = definition_of(code).rpartition("/")[2]
        flags = "both true" if FLAGS.get(code) == (True, True) else ""
        yield f"| `{code}` | {display} | `{name}` | {flags} |"
    yield ""


def _definitions() -> Iterator[str]:
    yield from ("## Definitions", "", "`https://fhir.nhs.uk/STU3/MessageDefinition/ITK-<name>-MessageDefinition-<version>`, with or without `Instance-` before the version.")
    yield from ("Others are accepted where they were agreed (`Rules.other_definitions`).", "", "| name | versions |", "|---|---|")
    yield from (f"| `{name}` | {', '.join(map(str, sorted(versions)))} |" for name, versions in DEFINITIONS.items())
    yield ""


def _workflows() -> Iterator[str]:
    yield from ("## Workflows", "", f"National workflows of FHIR messages: {', '.join(f'`{name}`' for name in WORKFLOWS)}.")
    yield from (f"Nobody answers {', '.join(f'`{name}`' for name in sorted(ONE_WAY_WORKFLOWS))}.", "")


def _attachments() -> Iterator[str]:
    yield from ("## Attachments", "", f"Types that are supported and approved unless a receiver says otherwise: {', '.join(f'`{kind}`' for kind in sorted(APPROVED_TYPES))}.", "")


def _codes() -> Iterator[str]:
    yield from ("", "| code | display | outcome | severity | issue |", "|---|---|---|---|---|")
    yield from map(_code, RESPONSE_CODE_ROWS.values())


def _code(row: ResponseCode) -> str:
    outcome = "per payload" if row.ok is None else "ok" if row.ok else "fatal-error"
    return f"| {row.code} | {row.display} | {outcome} | {row.severity or 'per payload'} | {', '.join(row.issues) or 'per payload'} |"
