// Package childtest holds the tests of llama.cpp in a process of its own, as the server runs it: the
// exam over the protocol, and what happens when the process is killed. It has no other code.
package childtest
