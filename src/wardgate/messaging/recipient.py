"""Whom a message is for, and whether the sender may: address, then workflow (itk3-messaging 5.2, 5.3, 5.5)."""

from typing import Final

from wardgate.mesh import routing
from wardgate.mesh.errors import MeshRefused
from wardgate.mesh.headers import SendHeaders
from wardgate.messaging.call import Call
from wardgate.workflows.post_office import Obstacle

REFUSALS: Final = {
    Obstacle.UNREGISTERED: "mesh-recipient-unknown", Obstacle.DEACTIVATED: "mesh-recipient-inactive",
    Obstacle.SENDER_NOT_ALLOWED: "mesh-sender-not-allowed", Obstacle.NOT_REGISTERED: "mesh-workflow",
}


def recipient_of(call: Call, said: SendHeaders) -> str:
    """Return the recipient's mailbox. Raises `MeshRefused`; an address that names a patient is in no record."""
    to = said.to
    if routing.is_routed(to):
        to = routing.mailbox_of(to, call.server.practices).upper()
    office = call.server.post_office()
    found = office.mailboxes.get(to)
    if found is not None:
        call.details["recipient"] = to
    if office.rules_of(said.workflow) is not None:
        call.details["workflow"] = said.workflow
    if call.server.settings.enforce_workflows:
        obstacle = office.may_send(call.mailbox.id, to, said.workflow)
        if obstacle is not None:
            raise MeshRefused(REFUSALS[obstacle])
    elif found is None or not found.active:
        raise MeshRefused(REFUSALS[Obstacle.UNREGISTERED if found is None else Obstacle.DEACTIVATED])
    return to
