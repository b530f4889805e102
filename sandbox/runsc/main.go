// Command parley-runsc is gVisor's runsc, built from its Go module: the program in which Parley's Code Interpreter runs what
// models write. It is a module of its own, so that parley itself does not carry gVisor's dependencies.
package main

import "gvisor.dev/gvisor/runsc/cli/maincli"

func main() { maincli.Main() }
