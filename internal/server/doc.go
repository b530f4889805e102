// Package server is the composition root: it builds the tiers in order, lists all routes, and closes
// in reverse. It is used by the command line and by tests; nothing else imports it.
//
// A Server holds the lock of its home directory. It can listen on a network address (Start), on the
// home's admin socket (ListenSocket), or both. The socket serves the same API as the network, as the
// organization's owner: who may open the file may do everything. HOME/server.json tells other
// processes where the server listens.
//
// Routes of its own, on the socket alone:
//
//	GET  /admin/status        adminStatus        version, address, models and what they are doing
//	POST /admin/signin-links  adminSigninLink    a one-time sign-in link
package server
