// Package enginepb is the protocol between the server and its engine processes: gRPC over a Unix
// socket, described in engine.proto, with conversions from and to the types of package engine.
//
// Both ends are the same program of the same build, so specs and infos travel as JSON of their Go
// types, and nothing here is a promise to other programs. What is hot is typed: one bidirectional
// stream, Session, carries all sequences of a parent, and what one decode step brings for all of them
// goes into one Frame, so that the cost is per step and not per token.
//
// The generated files are committed. `go generate ./internal/engine/enginepb` makes them again.
package enginepb

//go:generate ./generate.sh
