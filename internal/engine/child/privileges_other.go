//go:build !linux

package child

// lowerPrivileges has nothing to give up that would be cheap here.
func lowerPrivileges() (kept []error) { return nil }
