"""Namespaces and algorithm identifiers (XML-DSig 1.1, XML-Enc 1.1, RFC 9231, XAdES 1.3.2, WS-Security 1.0)."""

from typing import Final

DS: Final = "http://www.w3.org/2000/09/xmldsig#"
DSIG11: Final = "http://www.w3.org/2009/xmldsig11#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
WSA: Final = "http://www.w3.org/2005/08/addressing"
XML: Final = "http://www.w3.org/XML/1998/namespace"

ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
INCLUSIVE_WITH_COMMENTS: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
INCLUSIVE_11: Final = "http://www.w3.org/2006/12/xml-c14n11"

RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
RSA_PSS_SHA256: Final = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
ECDSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
ECDSA_SHA384: Final = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
RSA_SHA1: Final = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"

SHA1: Final = "http://www.w3.org/2000/09/xmldsig#sha1"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA512: Final = "http://www.w3.org/2001/04/xmlenc#sha512"

AES256_GCM: Final = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
AES256_CBC: Final = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
RSA_OAEP: Final = "http://www.w3.org/2009/xmlenc11#rsa-oaep"
RSA_OAEP_MGF1P: Final = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
RSA_1_5: Final = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
MGF1_SHA1: Final = "http://www.w3.org/2009/xmlenc11#mgf1sha1"
MGF1_SHA256: Final = "http://www.w3.org/2009/xmlenc11#mgf1sha256"
ECDH_ES: Final = "http://www.w3.org/2009/xmlenc11#ECDH-ES"
CONCAT_KDF: Final = "http://www.w3.org/2009/xmlenc11#ConcatKDF"
AES256_KW: Final = "http://www.w3.org/2001/04/xmlenc#kw-aes256"
P256: Final = "urn:oid:1.2.840.10045.3.1.7"
ELEMENT: Final = "http://www.w3.org/2001/04/xmlenc#Element"

SIGNED_PROPERTIES: Final = "http://uri.etsi.org/01903#SignedProperties"


def named(namespace: str, local: str) -> str:
    """Return a name as trees have it."""
    return f"{{{namespace}}}{local}"
