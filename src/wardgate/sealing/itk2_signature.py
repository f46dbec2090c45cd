"""The signature in a payload of ITK2: enveloping, RSA with SHA-1, over one Object (itk3-messaging 2.3). Verified where a switch allows, never made.

The signer's certificate is embedded and that is all there is; the code that ITK2 published believes it. Here it must be a key of the directory, whose
chain, organisation and revocation are checked as for every signature. There is no signing time: all must hold when it is opened.
"""

from datetime import datetime
from hashlib import sha256
from typing import Final

from wardgate.sealing.keys import KeyDirectory
from wardgate.sealing.model import Purpose, Signed, Statement
from wardgate.sealing.trust import check_signer
from wardgate.sealing.xml_signer import JOSE_NAMES, signer_key
from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.canonical import exclusive, inclusive
from wardgate.xmlsecurity.errors import SignatureWrapped, XMLMalformed
from wardgate.xmlsecurity.names import DS, named
from wardgate.xmlsecurity.parser import Element
from wardgate.xmlsecurity.reading import attribute, children, text
from wardgate.xmlsecurity.signature_form import SIGNATURE, Algorithms, only_signature, read_signature
from wardgate.xmlsecurity.verify import MustCover, verify

ALGORITHMS: Final = Algorithms(
    frozenset({names.RSA_SHA1, names.RSA_SHA256}),
    frozenset({names.SHA1, names.SHA256}),
    frozenset({names.INCLUSIVE_WITH_COMMENTS, names.INCLUSIVE, names.EXCLUSIVE}),
)


def verified_content(root: Element, directory: KeyDirectory, organisation: str, now: datetime) -> tuple[bytes, Signed]:
    """Return what a signature envelops, and who signed. Raises `XMLSecurityError` and `SealRefused`."""
    if root.tag != SIGNATURE or only_signature(root) is not root:
        raise SignatureWrapped("one signature, which is the document")
    form = read_signature(root, ALGORITHMS)
    if len(form.objects) != 1:
        raise XMLMalformed("one Object in Signature", str(len(form.objects)))
    (holder,) = form.objects
    content = _content(holder)
    transforms = () if isinstance(content, str) else (names.EXCLUSIVE,)
    octets = exclusive(holder) if transforms else inclusive(holder)
    key = signer_key(form, directory)
    check_signer(key, directory, organisation=organisation, signed_at=now, now=now, stamped_at=None)
    (covered,) = verify(form, key.certificate, [MustCover(f"#{attribute(holder, 'Id')}", octets, transforms)])
    carried = content.encode("utf-8") if isinstance(content, str) else exclusive(content)
    covers = f"the one Object of the payload, {len(covered.octets)} octets; not the envelope around it"
    statement = Statement(now, Purpose.SOURCE)
    return carried, Signed(key.kid, JOSE_NAMES[form.method], key.certificate, key.organisation, statement, covers, sha256(carried).hexdigest())


def _content(holder: Element) -> Element | str:
    """Return the one element in the Object, or its text."""
    if holder.tag != named(DS, "Object"):
        raise XMLMalformed("an Object")
    if not len(holder):
        return text(holder, ("Id",))
    found = children(holder, ("Id",))
    if len(found) != 1:
        raise XMLMalformed("one element in Object", str(len(found)))
    return found[0]
