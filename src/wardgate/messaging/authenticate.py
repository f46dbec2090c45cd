"""Who asks: the token in the order of itk3-messaging 5.1, and the certificate that TLS verified.

That a token is used once is not seen here: the step that does what was asked uses it up.
"""

from functools import lru_cache

from wardgate.mesh import token as tokens
from wardgate.mesh.errors import MeshRefused
from wardgate.messaging.call import Call
from wardgate.pki.errors import MalformedXFCC
from wardgate.pki.xfcc import presented_certificate
from wardgate.stores.transitions import SingleUse


def authenticate(call: Call, mailbox: str | None) -> None:
    """Set who asks and the token to be used up. `mailbox` is that of the path, in capitals; None: it has none. Raises `MeshRefused`."""
    server = call.server
    token = tokens.read(call.header(b"authorization"), mailbox)
    office = server.post_office()
    found = office.mailboxes.get(token.mailbox)
    if found is None:
        raise MeshRefused("mesh-mailbox-unknown", "a mailbox", "another id")
    call.details["mailbox"] = found.id
    verified = tokens.verify(token, password=server.passwords(found.id), shared_key=server.shared_key(), now=call.at)
    if server.settings.bind_certificate:
        name = _certificate_name(call.header(b"x-forwarded-client-cert") or "")
        if name is None or not office.speaks_for(name, found.id):
            raise MeshRefused("mesh-certificate-of-another", f"a certificate of {found.id}", "none, or one of several names" if name is None else name)
    call.mailbox = found
    call.use = SingleUse(tokens.NAMESPACE, verified.use_id, verified.remember_until)
    if not found.active:
        raise MeshRefused("mesh-mailbox-inactive", "an active mailbox", "one that is not")


@lru_cache(1_024)
def _certificate_name(header: str) -> str | None:
    try:
        return presented_certificate(header).name if header else None
    except MalformedXFCC:
        return None
