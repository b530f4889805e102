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
//     started again at once; requests that come meanwhile wait for it, bounded by Options.RestartWait.
//   - A request of which nothing was shown yet is sent to the new process instead, once, unless it may
//     itself be why the old one died (backend.innocent).
//   - Only starts in vain make the next one wait: those that fail, and processes that die within a minute
//     without having finished a request. After the second there is a pause that grows up to half a minute;
//     one of a second or more refuses requests with an error that says so.
//   - A child that has work and makes no progress for Options.HangAfter is killed, as is one that a signal
//     stopped; its requests end with an error that says so and are not sent again.
//   - A model file that is gone, or was altered, when the child is started again is refused by name and
//     hashes, as at the first start.
//   - A terminal's Ctrl-C reaches the parent alone, which then ends the children in order.
//   - Nothing secret is in arguments or environment; after the parent is connected nobody else can reach
//     the child.
//   - On Linux a child gives up what it does not need: new privileges, core dumps, internet sockets.
package child
