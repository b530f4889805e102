// Package child runs an engine in a process of its own: the parent's side (Opener, Prepare) and the
// child's (Main). A crash in a native library ends one model and never the server.
//
// The parent starts `parley engine <driver>`, writes one line of JSON to its stdin (the greeting: where
// to listen), connects to the Unix socket in a private directory, removes that directory, and speaks
// the protocol of package enginepb from then on. What the child writes to stderr goes to the log under
// the model's name.
//
// Invariants:
//   - A child never outlives its parent: its stdin is a pipe that the parent holds open, and the child
//     ends when it closes; on Linux the kernel kills it besides.
//   - A child that dies ends its running sequences with fault.Unavailable, which says how it died, and is
//     started again at once; requests that come meanwhile wait for it, bounded by Options.RestartWait. If
//     it dies again soon, the pause before the next start grows up to half a minute.
//   - A terminal's Ctrl-C reaches the parent alone, which then ends the children in order.
//   - Nothing secret is in arguments or environment; after the parent is connected nobody else can reach
//     the child.
//   - On Linux a child gives up what it does not need: new privileges, core dumps, internet sockets.
package child
