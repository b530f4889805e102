// Package manage lets the operator look after the models of a server while it runs: what is installed and what it does,
// what can be pulled and whether it fits, pulls in the background with their progress, loading and unloading, removing,
// what answers by default, and the remote servers that are used as engines.
//
// Package models holds the models and engine/pool what is loaded; this package joins the two, keeps the pulls of this
// process in memory (pulls.go), and writes a line into the audit log for everything that it changes.
//
// Routes, on the admin socket (and as /api/operator/… for the operator's browser sessions):
//
//	GET    /admin/models                adminListModels     what is installed or served from elsewhere, and its state
//	DELETE /admin/models/{model...}     adminRemoveModel    ?files=true deletes files that nobody else uses
//	GET    /admin/catalog               adminListCatalog    what can be pulled, and whether it fits
//	PUT    /admin/loaded/{model...}     adminLoadModel
//	DELETE /admin/loaded/{model...}     adminUnloadModel
//	PUT    /admin/defaults/{kind}       adminSetDefault     which model answers where no name says another
//	GET    /admin/pulls                 adminListPulls
//	POST   /admin/pulls                 adminStartPull
//	DELETE /admin/pulls/{pull}          adminEndPull        cancels one that runs, forgets one that has ended
//	GET    /admin/remotes               adminListRemotes    ?probe=true asks each
//
// and for everybody who may read models:
//
//	GET    /api/pulls                   listPulls           without paths, addresses and errors, but for the operator
//
// Invariants:
//   - What is asked for twice is pulled once: a second request gets the pull that runs.
//   - A pull that was canceled, or that failed, goes on where it stopped when it is asked for again.
//   - Unloading ends no request: see package pool.
//   - A browser names models of the catalog, a hub or a public https address; a path of a file, and an address inside of the
//     server's network, is for the server's own machine.
package manage
