package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/parley-ai/parley/internal/models"
)

// progress shows what a long command does: bars in a terminal; elsewhere a line every few seconds of a
// stage, and one at its end.
// Safe for concurrent use.
type progress struct {
	mu      sync.Mutex
	out     io.Writer
	bars    *mpb.Progress // nil without a terminal
	current map[string]*mpb.Bar
	last    map[string]time.Time
	ended   map[string]bool
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, current: map[string]*mpb.Bar{}, last: map[string]time.Time{}, ended: map[string]bool{}}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bars = mpb.New(mpb.WithOutput(out), mpb.WithWidth(24), mpb.WithRefreshRate(120*time.Millisecond))
	}
	return p
}

// update reports a stage of what is called name.
func (p *progress) update(name string, r models.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := name + ": " + stageText(r.Stage)
	if p.bars == nil {
		p.line(key, r)
		return
	}
	bar := p.current[key]
	if bar == nil {
		stage := r.Stage
		// Narrower than 80 columns all together: a line that the terminal breaks is drawn twice.
		bar = p.bars.AddBar(r.Total,
			mpb.PrependDecorators(decor.Name(ansi.Truncate(name, 24, "…"), decor.WCSyncSpaceR), decor.Name(stageText(stage), decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
				return barAmount(models.Progress{Stage: stage, Done: s.Current, Total: s.Total})
			}, decor.WCSyncSpace)),
		)
		p.current[key] = bar
	}
	bar.SetTotal(r.Total, false)
	bar.SetCurrent(r.Done)
	if r.Total > 0 && r.Done >= r.Total {
		bar.SetTotal(r.Total, true)
	}
}

func (p *progress) line(key string, r models.Progress) {
	whole := r.Total > 0 && r.Done >= r.Total
	last, begun := p.last[key]
	if !begun && r.Stage != "waiting" {
		last = time.Now()
		p.last[key] = last
	}
	if p.ended[key] || !whole && time.Since(last) < 3*time.Second {
		return
	}
	p.last[key], p.ended[key] = time.Now(), whole
	fmt.Fprintf(p.out, "%s, %s\n", key, amount(r))
}

// stageText is what is being done, in a word: waiting is for another pull of the same, preparing is for
// this CPU, measuring is what that changed.
func stageText(stage string) string {
	switch stage {
	case "waiting":
		return "waiting"
	case "download":
		return "downloading"
	case "unpack":
		return "unpacking"
	case "verify":
		return "checking"
	case "convert":
		return "converting"
	case "prepare":
		return "preparing"
	case "score":
		return "measuring"
	case "import":
		return "taking in"
	}
	return stage
}

// amount is how far a stage is: bytes where bytes are moved, a share where they are not.
func amount(r models.Progress) string {
	switch {
	case r.Total <= 0 && r.Done <= 0:
		return "…"
	case r.Total <= 0:
		return bytesText(r.Done)
	case moves(r.Stage):
		return fmt.Sprintf("%s of %s (%d %%)", bytesText(r.Done), bytesText(r.Total), 100*r.Done/r.Total)
	}
	return fmt.Sprintf("%d %%", 100*r.Done/r.Total)
}

// barAmount is the same beside a bar, which shows the share already.
func barAmount(r models.Progress) string {
	if !moves(r.Stage) {
		return amount(r)
	}
	return bytesText(r.Done) + " of " + bytesText(max(r.Done, r.Total))
}

// moves reports whether the bytes of a stage are bytes that are read or written, one by one.
func moves(stage string) bool { return stage != "prepare" && stage != "score" && stage != "import" }

// close finishes the bars; those that did not reach their end are left as they are.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars == nil {
		return
	}
	for _, bar := range p.current {
		if !bar.Completed() {
			bar.Abort(false)
		}
	}
	p.bars.Wait()
}

// bytesText is a size as people read it.
func bytesText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
