"""The mailbox server: `/messageexchange` (itk3-messaging 5)."""
