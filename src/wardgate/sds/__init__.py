"""The system directory's FHIR API, R4: which system to call as, and at which endpoint (spine 7.5).

Owns: the parameters, the resources and the refusals on the wire of `/spine-directory/FHIR/R4/Device` and `/Endpoint`.
Leaves: what is in the directory and how it is found (`directory`); who may ask, which the gateway decides by `apikey`; limits.
Read: settings, query, resources, answers, app.
"""

from wardgate.sds.app import create_app
from wardgate.sds.settings import SDSSettings

__all__ = ["SDSSettings", "create_app"]
