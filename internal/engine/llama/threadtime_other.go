//go:build !linux

package llama

import "time"

// threadTime is not known here, so the number of threads stays as it is.
func threadTime() time.Duration { return 0 }
