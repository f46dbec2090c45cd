"""The directory: organisations by ODS code and the accredited systems they run.

Owns: what an organisation and a system are, and the spelling of their identifiers.
Leaves: certificates (`pki`), what a system may do (`security_patterns`).
Read: model.
"""

from wardgate.directory.model import Organisation, System

__all__ = ["Organisation", "System"]
