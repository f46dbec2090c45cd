"""Who calls, in the tests of calls between systems."""

from dataclasses import replace

from wardgate.client import Device, Identifier, Practitioner, SpineContext
from wardgate.spine.interactions import PREFIX

ENDPOINT = "https://provider.example.thirdparty.nhs.uk/Z9X02/STU3"
WORKER = SpineContext("200000000115", "https://epr.example.thirdparty.nhs.uk", "Z9X01", role="555000000101")
NOBODY = replace(WORKER, role=None)
PATIENT = replace(NOBODY, patient="9990000018")
GP = replace(NOBODY, organisation_name="Example Surgery", device=Device(Identifier("https://a.example/Id/device", "1"), "EPR", "1.0"),
             practitioner=Practitioner("1", "Bee", "Ada", Identifier("https://a.example/Id/user", "ada")))
FLAG = f"{PREFIX}raflags:Flag.read:1"
SEARCH, CREATE = f"{PREFIX}nrl:DocumentReference.search", f"{PREFIX}nrl:DocumentReference.create"
PATIENT_READ = f"{PREFIX}gpconnect:fhir:rest:read:patient-1"
