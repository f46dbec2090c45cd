"""The directory: organisations by ODS code, the accredited systems they run, and the endpoints where they are served.

Owns: what the manifest says about organisations and systems; the schema of the system directory, its rules and its numbers;
how a system is assured; how it is searched, looked up, written down and read.
Leaves: certificates (`pki`), what a system may do (`security_patterns`), which interactions there are nationally (`spine`),
keeping it (`stores`), and the faces it is asked through.
Read: forms, model, errors, attributes, accredited_system, endpoint, entry, message_set, sharing_rule, onboarding, minting, whole, registering, stated,
filter, matching, postings, index, live, look_up, ldif_lines, ldif, table, exchange, events.
"""

from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.endpoint import Endpoint
from wardgate.directory.model import Organisation, System
from wardgate.directory.whole import Directory

__all__ = ["AccreditedSystem", "Directory", "Endpoint", "Organisation", "System"]
