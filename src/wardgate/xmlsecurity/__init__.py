"""XML security: the one strict parser for signed XML, canonical forms, XML-DSig, XML-Enc 1.1 (itk3-messaging 2, 3, 7)."""
