"""The message handler of this installation: what goes out, what comes in, and what was answered (itk3-messaging 1.6, 1.7, 6, 9.1).

Every message is a row that moves from stage to stage (`stores.exchange`); each step is one transaction with its event, so that a crash
leaves a message where it was, and the next to look goes on. Blocking: callers give it threads.

Owns: sending, receiving, answering and tracking messages, with retries and dead letters; the accounts of our mailboxes.
Leaves: ITK3 itself (`itk3`), seals (`sealing`), who may send what (`workflows`), MESH (`client`), durability (`stores`).
Read: errors, parts, account, record, moving, kept, policy, seal, opened, readable, legacy, unseal, outgoing, posting, fate, reply, arrival, judging,
answers, dead_letters, tracked, handler.
"""
