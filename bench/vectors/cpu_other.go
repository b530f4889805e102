//go:build !unix

package main

import "time"

var start = time.Now()

// cpu is the time since the start: this system's CPU time is not asked for.
func cpu() time.Duration { return time.Since(start) }
