"""Spine: how systems and the people behind them are stated in calls to FHIR APIs of Spine, and what each call is.

Owns: the unsigned Spine JWT (reading, checking, making), identifiers, variants, interactions and how a request becomes one,
and the headers of each family of APIs.
Leaves: which systems and organisations there are (`directory`), what TLS proved and the decision (`security_patterns`), the
words and shapes of refusals (`refusals`).
Proof is a type: `UnsecuredClaims` and `Stated` are what a caller says, never a `jose.VerifiedJWT`.
Read: errors, identifiers, unsecured, interactions, interaction_catalogue, resolve, times, variants, stated, checks, gp_resources,
gp_connect, authorization, mint, gp_mint, headers, response_format.
"""
