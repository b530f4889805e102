// Package presets keeps what people save of the playground: a name for a mode with its texts and parameters.
//
// # Table (migration 0170)
//
//	presets  one per preset: whose it is, name, mode, the playground's settings as JSON, whether it is shared
//
// # Routes
//
//	GET    /api/presets              listPresets   chats.read
//	POST   /api/presets              createPreset  chats.write
//	GET    /api/presets/{preset_id}  getPreset     chats.read
//	PATCH  /api/presets/{preset_id}  updatePreset  chats.write
//	DELETE /api/presets/{preset_id}  deletePreset  chats.write
//
// The scopes are those of chats: a preset is a text of one's own, as a chat is.
//
// # Files
//
// presets.go has the operations, sql.go the statements, http.go the JSON shapes.
//
// # Invariants
//
//   - A preset belongs to one user of one organization. A shared one is seen by the whole organization and
//     changed by its owner only; owners and admins of the organization may delete it. Anything else is not found.
//   - The settings are kept as they came: the server does not read them, and no secret belongs into them.
package presets
