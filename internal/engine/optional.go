package engine

import (
	"context"
	"time"
)

// What a backend or a driver may offer beyond Backend. Callers ask with a type assertion.

// Stats is what a backend is doing at this moment.
type Stats struct {
	Active    int // sequences that are decoding or being prefilled
	Queued    int // sequences that wait for a slot
	Cells     int // KV cells that all sequences share; 0 when the backend has none
	CellsUsed int // of Cells, how many hold tokens of running or cached sequences
	// Steps is how many steps of computing were finished so far, prompts' steps included. Work without
	// steps means that the backend hangs.
	Steps int64
}

// StatsReporter is implemented by backends that know their load: llama, child, echo.
type StatsReporter interface {
	Stats(ctx context.Context) (Stats, error)
}

// Restarter is implemented by backends whose process may die and is then started again: child.
type Restarter interface {
	// Down says that there is no process at this moment, and with an error that requests are refused for
	// that reason instead of waiting.
	Down() (down bool, err error)
}

// Process tells of the process that runs a model.
type Process struct {
	PID       int       // 0 while there is none
	Since     time.Time // when it was started
	Restarts  int       // how often it died and was started again, since the model was loaded
	LastEnd   time.Time // when it died last; zero: never
	LastError string    // how it died then, for the operator
}

// ProcessReporter is implemented by backends that run in a process of their own: child.
type ProcessReporter interface {
	Process() Process
}

// QuantizeRequest asks for a copy of a model file whose weights lie as this machine reads them best.
type QuantizeRequest struct {
	Library string // directory with the native libraries
	Source  string // model file to read
	Target  string // file to write; it must not exist
	Layout  string // "lossless" (Q8_0) or "fast" (Q4_0)
	Threads int    // 0 is the number of physical cores
}

// ScoreRequest asks how likely a text is to a model.
type ScoreRequest struct {
	Spec Spec // the model; opened for this request alone
	Text string
}

// Score is the answer to a ScoreRequest.
type Score struct {
	LogLikelihood float64 // sum over all tokens but the first, natural log
	Tokens        int     // how many tokens the sum is over
}

// Preparer makes a model ready for this machine. The llama driver implements it; engine/child runs
// it in a process of its own.
type Preparer interface {
	Quantize(ctx context.Context, req QuantizeRequest, progress Progress) error
	Score(ctx context.Context, req ScoreRequest, progress Progress) (Score, error)
}
