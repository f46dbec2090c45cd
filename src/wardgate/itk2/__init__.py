"""ITK2: the DistributionEnvelope, its payloads and responses, and its SOAP, read for those who still send it (itk3-messaging 2.2 to 2.4).

Owns: reading the envelope and all its counts and ids, opening a payload by `sealing.itk2` where a switch allows, InfrastructureResponse, the
security header of its SOAP. Nothing of ITK2 is made here but the answer.
Leaves: XML and its signatures (`xmlsecurity`), payload cryptography and trust (`sealing`), transport.
Read: errors, model, envelope, payload, response, soap.
"""
