"""ITK3 messages: the FHIR bundles of NHS messaging, their headers, their responses (itk3-messaging 1).

Owns: the message model, its codes, building, reading and validating messages, and answering them.
Leaves: FHIR itself (`fhir`), signing and encrypting (`sealing`), transport (`mesh`), who may send what (`workflows`), and remembering
which messages and documents there were (`exchange`: 20007, 20008).
Texts of errors name elements and codes, never values. Ids and times are made from `random` and `now`, which callers give.
Read: model, errors, names, codes, response_codes, rules, ids, report, handling, parties, outcome, header, entries, attachments, document,
payload, glimpse, read, write, build, respond, receiver.
"""

from wardgate.itk3.attachments import Attachment
from wardgate.itk3.build import Sending, build, payload_of
from wardgate.itk3.codes import EVENTS, WORKFLOWS, definition_of, response_workflow
from wardgate.itk3.document import DocumentFacts, document_facts
from wardgate.itk3.errors import ITK3Error, NotAccepted, NotReadable, Problem
from wardgate.itk3.model import (
    Handling,
    Issue,
    Message,
    Original,
    Party,
    RecipientType,
    Response,
    ResponseCode,
    original,
)
from wardgate.itk3.names import UNREADABLE
from wardgate.itk3.read import accept, read
from wardgate.itk3.receiver import Receiver, check_receiver
from wardgate.itk3.respond import Owed, owed, respond
from wardgate.itk3.response_codes import RESPONSE_CODE_ROWS, SUCCESS
from wardgate.itk3.rules import NATIONAL, Rules
from wardgate.itk3.write import bundle_of, write

__all__ = [
    "EVENTS", "NATIONAL", "RESPONSE_CODE_ROWS", "SUCCESS", "UNREADABLE", "WORKFLOWS", "Attachment", "DocumentFacts", "Handling", "ITK3Error", "Issue",
    "Message", "NotAccepted", "NotReadable", "Original", "Owed", "Party", "Problem", "Receiver", "RecipientType", "Response", "ResponseCode", "Rules",
    "Sending", "accept", "build", "bundle_of", "check_receiver", "definition_of", "document_facts", "original", "owed", "payload_of", "read",
    "respond", "response_workflow", "write",
]
