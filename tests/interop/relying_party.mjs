// npm `openid-client` as a client: discovery, code with PKCE, userinfo, refresh, sign-out. Every check of the library is on, and its check
// of ID tokens' signatures, which it leaves to TLS by default, is turned on. Reads what to do from standard input (JSON), writes what it saw.
//
// issuer, client_id, and `secret` or `key` ({pem, kid, alg}); redirect_uri, end; fields (what the person enters); parameters (of the
// authorization request); algorithm (`oidc` or `oauth2`: RFC 8414 and no ID tokens); id_token_alg, scope, pushed, nonce;
// post_logout_redirect_uri, told_at (port of the back-channel receiver); content_type (of forms, by the library's own `customFetch`); call (a route that the new token opens); call_after_reuse (until it does no
// more, the code having been used again); show (write the ID token);
// provider_sign_out (where the person signs out at a provider behind the server, for which the call is then watched).
import { readFileSync } from 'node:fs';
import { createPrivateKey } from 'node:crypto';
import * as jose from 'jose';
import * as client from 'openid-client';
import { Browser, receiver } from './browser.mjs';

const given = JSON.parse(readFileSync(0, 'utf8'));
const seen = {};
const metadata = { redirect_uris: [given.redirect_uri], id_token_signed_response_alg: given.id_token_alg };

async function proof() {
  if (!given.key) return client.ClientSecretPost(given.secret);
  const key = await jose.importPKCS8(createPrivateKey(given.key.pem).export({ type: 'pkcs8', format: 'pem' }), given.key.alg);
  // The library writes an Edwards key's algorithm as RFC 9864 does, `Ed25519`; the profile `strict` knows it as RFC 8037 does.
  const named = given.key.alg === 'EdDSA' ? { [client.modifyAssertion]: (header) => { header.alg = 'EdDSA'; } } : undefined;
  return client.PrivateKeyJwt({ key, kid: given.key.kid }, named);
}

const config = await client.discovery(new URL(given.issuer), given.client_id, metadata, await proof(), {
  algorithm: given.algorithm ?? 'oidc', timeout: 20, execute: given.algorithm === 'oauth2' ? [] : [client.enableNonRepudiationChecks],
});
if (given.content_type) {
  config[client.customFetch] = (url, options) => fetch(url, {
    ...options, headers: options.method === 'POST' ? { ...options.headers, 'content-type': given.content_type } : options.headers,
  });
}
const server = config.serverMetadata();
seen.issuer = server.issuer;

const browser = new Browser();
const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), given.nonce ? client.randomNonce() : undefined];
const parameters = {
  redirect_uri: given.redirect_uri, scope: given.scope, state, code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256', ...(nonce ? { nonce } : {}), ...given.parameters,
};
const address = given.pushed ? await client.buildAuthorizationUrlWithPAR(config, parameters) : client.buildAuthorizationUrl(config, parameters);
seen.asked = [...address.searchParams.keys()].sort();
const back = await browser.until(given.redirect_uri, address, given.fields);
seen.returned = [...back.searchParams.keys()].sort();
const checks = { pkceCodeVerifier: verifier, expectedState: state, ...(nonce ? { expectedNonce: nonce, idTokenExpected: true } : {}) };
const tokens = await client.authorizationCodeGrant(config, back, checks);
seen.tokens = Object.keys(tokens).sort();
seen.expires_in = tokens.expiresIn();
const claims = tokens.claims();
seen.claims = claims && Object.keys(claims).sort();
seen.sub = claims?.sub;

// The library's own checks refuse what is wrong: a state and an issuer that are not ours; and the server a verifier that is not.
const refusal = async (work) => { try { await work(); return 'taken'; } catch (error) { return error.error ?? error.code; } };
seen.wrong_state = await refusal(() => client.authorizationCodeGrant(config, back, { ...checks, expectedState: 'another' }));
seen.wrong_issuer = await refusal(() => {
  const other = new URL(back);
  other.searchParams.set('iss', 'https://other.example');
  return client.authorizationCodeGrant(config, other, checks);
});

async function again() {
  const [own, mark] = [client.randomPKCECodeVerifier(), client.randomState()];
  const asked = {
    ...parameters, state: mark, code_challenge: await client.calculatePKCECodeChallenge(own),
  };
  const url = given.pushed ? await client.buildAuthorizationUrlWithPAR(config, asked) : client.buildAuthorizationUrl(config, asked);
  const found = await browser.until(given.redirect_uri, url, given.fields);
  return { found, own, mark };
}
const second = await again();
seen.wrong_verifier = await refusal(() => client.authorizationCodeGrant(config, second.found, {
  ...checks, expectedState: second.mark, pkceCodeVerifier: client.randomPKCECodeVerifier(),
}));

if (!given.no_userinfo) {
  const details = await client.fetchUserInfo(config, tokens.access_token, seen.sub ?? given.sub);
  seen.userinfo = Object.keys(details).sort();
  seen.userinfo_of_another = await refusal(() => client.fetchUserInfo(config, tokens.access_token, 'somebody-else'));
}
if (tokens.refresh_token) {
  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
  seen.renewed = Object.keys(renewed).sort();
  seen.is_new = renewed.access_token !== tokens.access_token;
  tokens.refresh_token = renewed.refresh_token ?? tokens.refresh_token;
  tokens.access_token = renewed.access_token;
}
if (given.call) {
  const answer = await client.fetchProtectedResource(config, tokens.access_token, new URL(given.call), 'GET');
  seen.call = answer.status;
  seen.echoed = (await answer.json()).headers;
}
if (given.show) seen.id_token = tokens.id_token;
seen.code_again = await refusal(() => client.authorizationCodeGrant(config, back, checks));
if (given.call_after_reuse) {
  const call = () => fetch(given.call, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  for (seen.call_after_reuse = 200; seen.call_after_reuse === 200;) seen.call_after_reuse = (await call()).status;
  seen.refresh_after_reuse = await refusal(() => client.refreshTokenGrant(config, tokens.refresh_token));
}
if (given.provider_sign_out) await signOutBehind();
if (given.post_logout_redirect_uri) await signOut();
process.stdout.write(JSON.stringify(seen));
process.exit(0);

async function signOutBehind() {
  await browser.until(`${given.provider_sign_out}/success`, given.provider_sign_out, given.fields);
  const began = performance.now();
  const call = () => fetch(given.call, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  for (seen.call_after = 200; seen.call_after === 200 && performance.now() - began < 10_000;) seen.call_after = (await call()).status;
  seen.refused_after_ms = performance.now() - began;
  seen.refresh_after = await refusal(() => client.refreshTokenGrant(config, tokens.refresh_token));
}

async function signOut() {
  const told = given.told_at ? await receiver(given.told_at) : undefined;
  const url = client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token, post_logout_redirect_uri: given.post_logout_redirect_uri, state: 'signed-out',
  });
  const end = await browser.until(given.post_logout_redirect_uri, url, given.fields);
  seen.signed_out = Object.fromEntries(end.searchParams);
  if (told) seen.told = await logoutToken((await told.next(10_000)).logout_token);
  seen.refresh_after = await refusal(() => client.refreshTokenGrant(config, tokens.refresh_token));
  if (!given.no_userinfo) seen.userinfo_after = await refusal(() => client.fetchUserInfo(config, tokens.access_token, seen.sub));
}

// The library receives no logout tokens; the checks of Back-Channel Logout 1.0 section 2.6 with `jose`, on which it stands.
async function logoutToken(text) {
  const keys = jose.createRemoteJWKSet(new URL(server.jwks_uri));
  const { payload, protectedHeader } = await jose.jwtVerify(text, keys, {
    issuer: server.issuer, audience: given.client_id, subject: seen.sub, requiredClaims: ['iat', 'exp', 'jti', 'sid', 'events'],
    algorithms: [given.id_token_alg], maxTokenAge: 120,
  });
  if ('nonce' in payload) throw new Error('a logout token has no nonce');
  return { alg: protectedHeader.alg, events: payload.events, same_session: claims.sid === undefined ? null : payload.sid === claims.sid };
}
