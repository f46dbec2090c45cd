// npm `oidc-provider` doing the token endpoint's work: client_credentials with private_key_jwt (RS512), an ES256 JWT access
// token by resource indicators, the assertion's jti and one audit line stored in SQLite.
// With `seeds` it does the refresh grant as well: client_secret_post, rotation, an ES256 JWT access token; it writes that many
// refresh tokens of as many people, one a line, to the file `seeds_file` whenever it gets SIGUSR2.
// Arguments: settings file (JSON). Settings: port, client_jwks, signing_jwk, database, synchronous (OFF, NORMAL or FULL), scope; seeds,
// seeds_file, secret.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { DatabaseSync } from 'node:sqlite';

const { default: Provider } = createRequire(new URL('../../tests/interop/package.json', import.meta.url))('oidc-provider');

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const database = new DatabaseSync(settings.database);
database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=${settings.synchronous};
  CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, payload TEXT, expires INTEGER) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS audit (seq INTEGER PRIMARY KEY, at INTEGER, line TEXT)`);
const put = database.prepare('INSERT OR REPLACE INTO items VALUES (?, ?, ?)');
const get = database.prepare('SELECT payload FROM items WHERE id = ? AND expires > ?');
const mark = database.prepare("UPDATE items SET payload = json_set(payload, '$.consumed', ?) WHERE id = ?");
const remove = database.prepare('DELETE FROM items WHERE id = ?');
const append = database.prepare('INSERT INTO audit (at, line) VALUES (?, ?)');

class Adapter {
  constructor(name) { this.name = name; }
  async upsert(id, payload, expiresIn) { put.run(`${this.name}:${id}`, JSON.stringify(payload), Date.now() + expiresIn * 1000); }
  async find(id) { const row = get.get(`${this.name}:${id}`, Date.now()); return row && JSON.parse(row.payload); }
  async destroy(id) { remove.run(`${this.name}:${id}`); }
  async consume(id) { mark.run(Math.floor(Date.now() / 1000), `${this.name}:${id}`); }
  async findByUid() { throw new Error('not used'); }
  async findByUserCode() { throw new Error('not used'); }
  async revokeByGrantId() { throw new Error('not used'); }
}

const resource = { scope: settings.scope, audience: 'wardgate', accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
const provider = new Provider(`http://127.0.0.1:${settings.port}`, {
  adapter: Adapter,
  clients: [{
    client_id: 'bench', token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'RS512',
    jwks: settings.client_jwks, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], id_token_signed_response_alg: 'ES256', scope: settings.scope,
  }, ...(settings.seeds ? [{
    client_id: 'bench-users', client_secret: settings.secret, token_endpoint_auth_method: 'client_secret_post', grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: ['https://client.example/callback'], response_types: ['code'], id_token_signed_response_alg: 'ES256',
  }] : [])],
  jwks: { keys: [settings.signing_jwk] },
  enabledJWA: { clientAuthSigningAlgValues: ['RS512'] },
  scopes: [settings.scope, ...(settings.seeds ? ['offline_access'] : [])],
  clientAuthMethods: settings.seeds ? ['private_key_jwt', 'client_secret_post'] : ['private_key_jwt'],
  rotateRefreshToken: true,
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: { enabled: true, defaultResource: () => 'urn:bench:api', getResourceServerInfo: () => resource, useGrantedResource: () => true },
  },
});
provider.on('client_credentials.issued', (token) => append.run(Date.now(), JSON.stringify({ type: 'token-issued', client: token.clientId, jti: token.jti, scope: token.scope })));
provider.on('access_token.issued', (token) => append.run(Date.now(), JSON.stringify({ type: 'token-issued', client: token.clientId, jti: token.jti, scope: token.scope })));
provider.on('grant.error', (ctx, error) => { append.run(Date.now(), JSON.stringify({ type: 'token-refused', error: error.error, detail: error.error_detail })); console.error(error.message, error.error_detail); });
provider.on('server_error', (ctx, error) => console.error(error));

async function seed(number) {
  const accountId = `person-${number}`;
  const grant = new provider.Grant({ accountId, clientId: 'bench-users' });
  grant.addResourceScope('urn:bench:api', settings.scope);
  const grantId = await grant.save();
  const client = await provider.Client.find('bench-users');
  const now = Math.floor(Date.now() / 1000);
  const token = new provider.RefreshToken({
    accountId, client, grantId, scope: settings.scope, resource: 'urn:bench:api', gty: 'authorization_code', authTime: now, iiat: now, rotations: 0,
  });
  return token.save();
}

if (settings.seeds) {
  process.on('SIGUSR2', async () => {
    const found = [];
    for (let number = 0; number < settings.seeds; number += 1) found.push(await seed(number));
    writeFileSync(`${settings.seeds_file}.new`, `${found.join('\n')}\n`);
    renameSync(`${settings.seeds_file}.new`, settings.seeds_file);
  });
}
const server = provider.listen(settings.port, '127.0.0.1');
server.keepAliveTimeout = 600_000;
