"""The URLs of ITK3: profiles, code systems and identifiers (itk3-messaging 1.2 to 1.8)."""

from typing import Final

PROFILE: Final = "https://fhir.nhs.uk/STU3/StructureDefinition/"
MESSAGE_BUNDLE: Final = f"{PROFILE}ITK-Message-Bundle-1"
DOCUMENT_BUNDLE: Final = f"{PROFILE}ITK-Document-Bundle-1"
PAYLOAD_BUNDLE: Final = f"{PROFILE}ITK-Payload-Bundle-1"
MESSAGE_HEADER: Final = f"{PROFILE}ITK-MessageHeader-2"
HANDLING: Final = f"{PROFILE}Extension-ITK-MessageHandling-2"
INFORMATION_RECIPIENT: Final = f"{PROFILE}Extension-ITK-InformationRecipient-1"
HEADER_ORGANIZATION: Final = f"{PROFILE}CareConnect-ITK-Header-Organization-1"
HEADER_PRACTITIONER: Final = f"{PROFILE}CareConnect-ITK-Header-Practitioner-1"
OPERATION_OUTCOME: Final = f"{PROFILE}ITK-Response-OperationOutcome-1"

MESSAGE_EVENT: Final = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-MessageEvent-2"
RECIPIENT_TYPE: Final = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-RecipientType-1"
RESPONSE_CODES: Final = "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCodes-1"

ODS_ORGANISATION: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
ODS_SITE: Final = "https://fhir.nhs.uk/Id/ods-site-code"
SDS_USER: Final = "https://fhir.nhs.uk/Id/sds-user-id"
SDS_ROLE: Final = "https://fhir.nhs.uk/Id/sds-role-profile-id"
NHS_NUMBER: Final = "https://fhir.nhs.uk/Id/nhs-number"
UUID: Final = "https://tools.ietf.org/html/rfc4122"
SNOMED: Final = "http://snomed.info/sct"

URN_UUID: Final = "urn:uuid:"
UNREADABLE: Final = "UNREADABLE-IN-ORIGINAL-MESSAGE"
"""The identifier of a response to a message whose own id could not be read (1.7)."""
