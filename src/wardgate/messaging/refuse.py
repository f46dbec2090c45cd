"""The one place where a refusal becomes an answer and an event. The header `X-Wardgate-Reason` names the reason.

A refusal uses the token up, in the step that records it; but for the statuses after which clients send the same again (5.1).
"""

from wardgate.mesh.errors import MeshRefused
from wardgate.mesh.versions import version_of_errors
from wardgate.messaging.call import Call
from wardgate.messaging.record import refusal_event
from wardgate.messaging.wire import JSON_TYPES, Header, encode_json, respond
from wardgate.refusals.dialects import MESH_TYPES, mesh_body
from wardgate.refusals.mesh import KEEPS_TOKEN, SHAPES, Shape
from wardgate.stores.errors import StoreError
from wardgate.stores.mailboxes import Claim, Done


async def refuse(call: Call, refused: MeshRefused) -> None:
    """Record and answer. A refusal that cannot be recorded is answered as one of a store that is down."""
    try:
        refused = await _recorded(call, refused)
    except StoreError:
        refused = MeshRefused("mesh-unavailable")
    await answer(call, refused)


async def _recorded(call: Call, refused: MeshRefused) -> MeshRefused:
    """Record the refusal and use the token up; return what is to be said."""
    row = refused.refusal.reason
    if call.use is not None and (row.status not in KEEPS_TOKEN or call.server.settings.consume_token_on_5xx):
        done = await call.server.step(Claim(call.use, refusal_event(call, refused.refusal)))
        if done is not Done.REPLAYED:
            return refused
        refused = MeshRefused("mesh-token-used", "a new token", "one that was used")
    await call.server.record(refusal_event(call, refused.refusal))
    return refused


async def answer(call: Call, refused: MeshRefused) -> None:
    """Send the refusal in the version that the caller reads."""
    refusal = refused.refusal
    row = refusal.reason
    version = version_of_errors(call.header(b"accept"))
    body = mesh_body(version, row, refusal.fill, call.internal_id, message_id=refused.message_id, fields=refused.fields)
    kind = JSON_TYPES[version] if SHAPES[row.code] is Shape.ERROR else (b"content-type", MESH_TYPES[1].encode("ascii"))
    headers: list[Header] = [
        kind, (b"x-wardgate-reason", row.code.encode("ascii")),
        *((name.lower().encode("ascii"), refusal.fill(value).encode("ascii")) for name, value in row.headers),
    ]
    await respond(call.send, row.status, headers, encode_json(body).encode("utf-8"), head=call.scope["method"] == "HEAD")
