// npm `oidc-provider` as a sign-in provider of somebody else, over TLS. Its own pages sign people in: any name, any password.
// Argument: settings file (JSON). Settings: port, issuer, certificate and key (PEM files), signing (private JWKs, the first signs), client
// (its metadata), claims (of whoever signs in), scopes (scope -> claims), acr, typ.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import * as jose from 'jose';
import Provider from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const provider = new Provider(settings.issuer, {
  clients: [settings.client, ...settings.other_clients ?? []],
  jwks: { keys: settings.signing },
  cookies: { keys: ['not-a-secret'] },
  claims: { openid: ['sub'], ...settings.scopes },
  scopes: ['openid', 'offline_access'],
  acrValues: [settings.acr],
  conformIdTokenClaims: false, // claims of a scope are in the ID token too, as at NHS CIS2 and NHS login
  clientAuthMethods: ['client_secret_post', 'private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: ['RS512'], idTokenSigningAlgValues: ['RS256', 'RS512'] },
  pkce: { required: () => false }, // the platform sends no code_challenge (user-restricted 4.2)
  features: {
    devInteractions: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ ...settings.claims, sub: id }) }),
  // The library's own guard against special-use addresses is left out: everything here is on loopback.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
});
provider.on('server_error', (ctx, error) => console.error(error));
provider.on('grant.error', (ctx, error) => console.error(error.message, error.error_detail));
provider.on('backchannel.error', (ctx, error, client) => console.error('back-channel logout', client.clientId, error));

// The platform takes only ID tokens whose header has `typ` in an exchange (user-restricted 3.3 row 25), and this library writes none.
// What an operator does about that is this: sign them again, with the same key.
if (settings.typ) {
  const [jwk] = settings.signing;
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.body?.id_token === undefined) return;
    const key = await jose.importJWK(jwk, jwk.alg);
    ctx.body = { ...ctx.body, id_token: await new jose.SignJWT(jose.decodeJwt(ctx.body.id_token)).setProtectedHeader({ alg: jwk.alg, typ: 'JWT', kid: jwk.kid }).sign(key) };
  });
}
createServer({ cert: readFileSync(settings.certificate), key: readFileSync(settings.key) }, provider.callback()).listen(settings.port, '127.0.0.1', () => console.log('listening'));
