"""Sealing: messages signed and encrypted from outside, so that any transport may carry them (itk3-messaging 3, 6, 7).

Owns: the seal's context, the keys it is made and opened with, whether a signer is to be believed, and one module per suite.
Leaves: JOSE, CMS and XML themselves (`jose`, `cms`, `xmlsecurity`), what a message says (`itk3`), who may send it (`workflows`),
remembering what was seen (`stores`), keeping private keys (`keystores`).
Read: errors, model, keys, private_keys, revocation, trust, time_stamp; JOSE: translation, context, content, signature, beside_signature, recipient, modern, detached,
header_readable, counter_signature, inspect; FHIR: canonical_forms, fhir_signature, provenance;
XML: xml_errors, xml_document, xml_properties, xml_signer, xml, xml_inspect, xml_canonical_fhir, xml_fhir; ITK2: itk2_names, itk2_signature, itk2; CMS: cms_signature, stream, cms, cms_inspect; all of them: any_suite.
"""
