"""ITK3 messages: the FHIR bundles of NHS messaging, their headers, their responses (itk3-messaging 1).

Owns: the message model, its codes, building, reading and validating messages, and answering them.
Leaves: FHIR itself (`fhir`), signing and encrypting (`sealing`), transport (`mesh`), who may send what (`workflows`).
Read: model.
"""
