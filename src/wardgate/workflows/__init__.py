"""Workflows: who may exchange which messages, and how they must be protected, as the manifest states it (itk3-messaging 1.5, 5, 6).

Owns: mailboxes, workflows and their message rules, organisations' message keys, and the decision about one message.
Leaves: what a message says (`itk3`), seals (`sealing`), serving mailboxes (`messaging`), handling messages (`exchange`).
Read: model, post_office, decide, certified, key_directory, revocation_lists.
"""
