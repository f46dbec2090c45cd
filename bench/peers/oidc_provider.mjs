// npm `oidc-provider` doing the token endpoint's work: client_credentials with private_key_jwt (RS512), an ES256 JWT access
// token by resource indicators, the assertion's jti and one audit line stored in SQLite.
// Arguments: settings file (JSON). Settings: port, client_jwks, signing_jwk, database, synchronous (OFF, NORMAL or FULL), scope.
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import Provider from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const database = new DatabaseSync(settings.database);
database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=${settings.synchronous};
  CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, payload TEXT, expires INTEGER) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS audit (seq INTEGER PRIMARY KEY, at INTEGER, line TEXT)`);
const put = database.prepare('INSERT OR REPLACE INTO items VALUES (?, ?, ?)');
const get = database.prepare('SELECT payload FROM items WHERE id = ? AND expires > ?');
const remove = database.prepare('DELETE FROM items WHERE id = ?');
const append = database.prepare('INSERT INTO audit (at, line) VALUES (?, ?)');

class Adapter {
  constructor(name) { this.name = name; }
  async upsert(id, payload, expiresIn) { put.run(`${this.name}:${id}`, JSON.stringify(payload), Date.now() + expiresIn * 1000); }
  async find(id) { const row = get.get(`${this.name}:${id}`, Date.now()); return row && JSON.parse(row.payload); }
  async destroy(id) { remove.run(`${this.name}:${id}`); }
  async consume() { throw new Error('not used'); }
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
  }],
  jwks: { keys: [settings.signing_jwk] },
  enabledJWA: { clientAuthSigningAlgValues: ['RS512'] },
  scopes: [settings.scope],
  clientAuthMethods: ['private_key_jwt'],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: { enabled: true, defaultResource: () => 'urn:bench:api', getResourceServerInfo: () => resource, useGrantedResource: () => true },
  },
});
provider.on('client_credentials.issued', (token) => append.run(Date.now(), JSON.stringify({ type: 'token-issued', client: token.clientId, jti: token.jti, scope: token.scope })));
provider.on('grant.error', (ctx, error) => { append.run(Date.now(), JSON.stringify({ type: 'token-refused', error: error.error, detail: error.error_detail })); console.error(error.message, error.error_detail); });
provider.on('server_error', (ctx, error) => console.error(error));
const server = provider.listen(settings.port, '127.0.0.1');
server.keepAliveTimeout = 600_000;
