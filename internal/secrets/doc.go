// Package secrets keeps what must be read again out of plain sight: seeds of second factors, keys of kept bodies.
// It seals with AES-256-GCM under a key of the installation that is not in the database.
//
// The key is the setting secret_key, or else HOME/secret.key (0600), made at the first start. Both are keys of 32 bytes in
// base64: the first seals, further ones (with commas in the setting, one on each line of the file) only open what they sealed
// before. Whoever has the database or a backup of it without the key reads none of what is sealed; whoever loses the key, neither.
//
// Table: secret_keys (0160_secrets.sql), the ids of the keys that sealed and a value that proves each.
//
// Invariants:
//
//   - A server does not start when a key that sealed is missing, or is another one of the same id: it would seal what others cannot
//     open. Of two servers that start at once on an empty database with different keys one is refused.
//   - A sealed text names its key, and opens for the purpose only for which it was sealed: one that was moved to another row is refused.
//   - Keys are never logged and never in an error; their ids are, which are the first half of a hash of their SHA-256.
package secrets
