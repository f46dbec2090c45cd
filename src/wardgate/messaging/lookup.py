"""`GET /endpointlookup/{ods}/{workflow}` and `GET /workflowsearch/{workflow}`: who takes what (itk3-messaging 5.2).

The paths have no mailbox: any active one may ask, with a token of its own.
"""

from collections.abc import Sequence

from wardgate.mesh import bodies
from wardgate.messaging.call import Call
from wardgate.workflows.model import Mailbox


async def endpoint_lookup(call: Call) -> None:
    """Answer with the mailboxes where an organisation takes a workflow's messages; there may be none."""
    await _answer(call, call.server.post_office().lookup(call.parts["ods"], call.parts["workflow"]))


async def workflow_search(call: Call) -> None:
    """Answer with every mailbox that takes a workflow's messages."""
    await _answer(call, call.server.post_office().search(call.parts["workflow"]))


async def _answer(call: Call, found: Sequence[Mailbox]) -> None:
    version = call.version
    await call.claim()
    await call.answer(200, bodies.lookup(version, [(mailbox.id, mailbox.name) for mailbox in found], call.internal_id))
