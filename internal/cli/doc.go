// Package cli is the parley program's commands: flags in, packages called, text out. It knows no
// business of its own. Commands that need the server's data talk to the server of the same home through
// its admin socket, as the owner; when none runs they start one without a network port for as long as
// they take, so that there is one way to do a thing.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
package cli
