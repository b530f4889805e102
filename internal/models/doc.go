// Package models knows which models there are: what the catalog offers, what is installed in a home,
// what remote endpoints serve, and under which names programs ask for them.
//
// A Registry is opened on a home directory. Resolve turns a name of a request ("gpt-3.5-turbo", or a
// served model's own name) into what answers it; it reads one atomic snapshot, takes no lock and asks
// no database. Pull, Prepare and Import bring models in; they work in any process, also beside a
// running server, which notices the change (Watch).
//
// State is not in the database but in files, so that models can be pulled before a server ever ran,
// and a home without models is still a whole database:
//
//	HOME/models.json    what is installed, its pins, layouts and scores, and the chosen defaults;
//	                    replaced whole by rename, written by one process at a time (models.json.lock)
//	HOME/catalog.yaml   the user's own catalog entries, optional
//	CACHE               the files themselves, see package blobs; shared by all homes
//
// Invariants:
//   - An installed model names its file by path and sha256. Verified, which wraps an engine.Opener,
//     refuses a file that was cut short or altered, with its path and both hashes.
//   - With everything in the cache nothing here needs a network.
//   - A default moves only to a model that is there; requests under way keep the Spec they resolved.
//   - What a name means follows from the calendar and the clock (names.go): a new snapshot of the table is
//     made when a date has come, by the first request after it.
//   - Resolved.Window is the smaller of the alias's window and the served model's.
//
// Sub-packages: catalog (what can be pulled), pull and hub (bringing it here), blobs (the store),
// gguf (the file format), calendar (changes of the names while the server runs), convert (safetensors to GGUF), discover (what this machine has already).
//
// Routes:
//
//	GET /v1/models             listModels     models.read
//	GET /v1/models/{model...}  retrieveModel  models.read
package models
