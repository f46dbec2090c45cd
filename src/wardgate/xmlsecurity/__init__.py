"""XML security: the one strict parser for signed XML, canonical forms, XML-DSig, XML-Enc 1.1 (itk3-messaging 2, 3, 7).

Owns: which XML, which signatures and which encryption are read, and that a verified signature covers what is then read.
Leaves: whose keys they are and whether to believe them (`sealing`), what the elements mean (`sealing`, `itk2`, `fhir`).
Read: errors, names, parser, canonical, reading, signature_form, verify, sign, key_wrapping, encryption, ws_security.
"""
