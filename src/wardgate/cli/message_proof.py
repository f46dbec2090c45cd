"""How commands tell what a seal proved: exactly what is covered, by whom, when, in which role. Never who it is about."""

from typing import Any

from wardgate.cli.output import pairs
from wardgate.pki.chain import fingerprint
from wardgate.sealing.model import Opened, Signed


def proof_data(opened: Opened) -> dict[str, Any]:
    """Return it for `--output json`."""
    return {"suite": opened.suite.value, "encrypted": opened.encrypted, "opened_with": opened.opened_with, "media_type": opened.media_type,
            "bytes": len(opened.content), "context": opened.context.members(), "signatures": [signature_data(one) for one in opened.signatures]}


def signature_data(signed: Signed) -> dict[str, Any]:
    """Return what one signature proves."""
    said = signed.statement
    return {
        "kid": signed.kid, "algorithm": signed.algorithm, "organisation": signed.organisation, "certificate": signed.certificate.subject.rfc4514_string(),
        "fingerprint": fingerprint(signed.certificate), "signed_at": said.signed_at.isoformat(), "purpose": said.purpose.name.lower().replace("_", "-"),
        "purpose_code": said.purpose.code, "role": said.role, "on_behalf_of": dict(said.on_behalf_of) if said.on_behalf_of is not None else None,
        "covers": signed.covers, "sha256": signed.digest, "time_stamped_at": signed.time_stamped_at.isoformat() if signed.time_stamped_at is not None else None,
        "counter_signed_by": [signature_data(one) for one in signed.counter_signed_by],
    }


def proof_lines(opened: Opened) -> list[str]:
    """Return it for people."""
    context = opened.context
    lines = pairs([
        ("seal", f"{opened.suite}, {'signed and encrypted' if opened.encrypted else 'signed, not encrypted'}"), ("opened with", opened.opened_with or ""),
        ("from", f"{context.sender} of {context.sender_ods}"), ("to", ", ".join(context.recipients)), ("workflow", context.workflow),
    ])
    return [*lines, *(line for one in opened.signatures for line in signature_lines(one))]


def signature_lines(signed: Signed, what: str = "signed by") -> list[str]:
    """Return what one signature proves, and those over it."""
    said = signed.statement
    behalf = ", ".join(f"{name} {value}" for name, value in (said.on_behalf_of or {}).items())
    lines = pairs([
        (what, f"{signed.organisation}, key {signed.kid}, {signed.algorithm}"), ("  purpose", said.purpose.name.lower().replace("_", "-")), ("  role", said.role or ""),
        ("  on behalf of", behalf), ("  at", f"{said.signed_at.isoformat()}, as the signer says"),
        ("  time-stamped", signed.time_stamped_at.isoformat() if signed.time_stamped_at is not None else ""), ("  covers", signed.covers), ("  sha256", signed.digest),
    ])
    return [*lines, *(line for one in signed.counter_signed_by for line in signature_lines(one, "counter-signed by"))]
