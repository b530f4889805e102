// Package archtest holds the rules of docs/ARCHITECTURE.md as tests: which package may import which,
// where HTTP, SQL, jobs and outbound calls may be written, how long files may grow, and that every
// direct dependency has its reason. It has no code of its own to import.
package archtest
