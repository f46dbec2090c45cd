"""The record: what happened, in a form that shows whether it was changed.

Owns: event types, redaction by type, the canonical bytes that are hashed, the hash chain and its signed checkpoints,
whom a request is about, the FHIR forms of a record (AuditEvent, Provenance), the story of one id, who saw a patient's record.
Leaves: storing records (`stores`), the keys that sign checkpoints (`keystores`), deciding (`security_patterns`).
Read: model, redact, canonical, body, chain, checkpoint, verify, patients, handed_on, accesses, parties, fhir, provenance, export, explain.

What the chain shows, and what it cannot show. A record that was edited, removed, moved or put in breaks a hash, leaves
a gap, or disagrees with the head or with a signed checkpoint. Someone who may write to the database can still rewrite
everything after the newest checkpoint, head included, and leave a chain that verifies: the hashes are not secret.
Two things close that: checkpoints often (the signature cannot be made without the audit key), and checkpoints kept
elsewhere (`wardgate audit export`), because one that is stored beside the log can be removed with it. `verify` takes
exported checkpoints for that reason.
"""

from wardgate.audit.model import Event, EventType, Outcome, Patient, Personal

__all__ = ["Event", "EventType", "Outcome", "Patient", "Personal"]
