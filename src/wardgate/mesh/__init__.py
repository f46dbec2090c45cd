"""MESH: the words of the Message Exchange for Social Care and Health (itk3-messaging 5).

Owns: tokens, headers and their limits, media types, workflow filters, statuses and errors, the text forms of both versions of its API.
Leaves: serving it (`messaging`), keeping messages (`stores`), calling it (`client`), who may send what (`workflows`).
Read: model, errors, forms, token, versions, headers, chunk_range, routing, checksum, workflow_filter, inflate, response_headers, bodies, tracking, reports.
"""
