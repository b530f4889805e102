package llama

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama/capi"
	"github.com/parley-ai/parley/internal/fault"
)

// scoreChunk is how many prompt positions are scored in a step: their logits, a vocabulary each, are
// all in memory at once.
const scoreChunk = 64

// An idle loop waits for companions of a first request, and longer while more of them come.
const (
	gather     = 500 * time.Microsecond
	gatherMore = 1500 * time.Microsecond
	gatherMost = 10 * time.Millisecond
)

// parkAfter is how many computed tokens of others an idle prefix stays in the cells for: a few times
// what moving it out and in again costs.
const parkAfter = 128

// loop is the one goroutine that computes for a model. Each round takes in new requests, drops those
// that nobody waits for, gives rows to the oldest ones, computes one step and hands out its tokens.
type loop struct {
	lib   *capi.Library
	model *capi.Model
	ctx   *capi.Context
	o     Options
	slots int

	mu      sync.Mutex
	wake    *sync.Cond
	arrived []*sequence // submitted and not seen by the loop yet
	waiting int         // arrived and queued
	closing bool
	stats   engine.Stats
	stopped chan struct{}

	rows    *rows
	parking *parking
	queue   []*sequence
	active  []*sequence // in order of admission
	ended   int         // how many sequences have left
	steps   int64       // finished so far
	pace    *pace
	crowd   *crowd
	plain   bool // the model keeps no prefixes
	heads   int  // attention heads of all layers
	kvBytes int  // of the KV memory per token; 0 when unknown

	eog     []engine.Token
	isEOG   []bool
	piecesM sync.RWMutex
	pieces  [][]byte
	writing writing
	scratch [][]capi.Candidate
}

// submit hands a sequence to the loop, or refuses it when the queue is full.
func (l *loop) submit(s *sequence) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return errClosed()
	}
	if l.waiting >= l.o.QueueLimit {
		return errOverloaded()
	}
	l.waiting++
	l.arrived = append(l.arrived, s)
	l.wake.Signal()
	return nil
}

// close ends the loop and waits for it.
func (l *loop) close() {
	l.mu.Lock()
	l.closing = true
	l.wake.Signal()
	l.mu.Unlock()
	<-l.stopped
}

// collect takes in what has arrived, waiting when there is nothing to do; false ends the loop.
func (l *loop) collect() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	idle := false
	for len(l.arrived) == 0 && len(l.active) == 0 && len(l.queue) == 0 && !l.closing {
		idle = true
		l.wake.Wait()
	}
	// Requests that were sent together arrive one by one: their prompts share the first step.
	for n, most := 0, time.Now().Add(gatherMost); idle && !l.closing && len(l.arrived) > n && time.Now().Before(most); {
		n = len(l.arrived)
		pause := gather
		if n > 1 {
			pause = gatherMore
		}
		l.mu.Unlock()
		time.Sleep(pause)
		l.mu.Lock()
	}
	l.queue = append(l.queue, l.arrived...)
	l.arrived = nil
	return !l.closing
}

// publish makes the loop's figures visible to Stats.
func (l *loop) publish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = len(l.queue) + len(l.arrived)
	l.stats = engine.Stats{Active: len(l.active), Queued: l.waiting, Cells: len(l.rows.refs), CellsUsed: len(l.rows.refs) - len(l.rows.free), Steps: l.steps}
}

// run is the loop.
func (l *loop) run() {
	runtime.LockOSThread() // crowd measures this thread
	defer close(l.stopped)
	for l.collect() {
		l.reap()
		l.expire(0)
		l.admit()
		l.publish()
		if err := l.step(); err != nil {
			slog.Error("decode step failed", "err", err)
			for _, s := range slices.Clone(l.active) {
				l.fail(s, fault.New(fault.Unavailable, "The model failed while computing. Send the request again.").WithCause(err))
			}
		}
		l.publish()
	}
	for _, s := range append(slices.Clone(l.active), l.queue...) {
		l.fail(s, errClosed())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.arrived {
		s.sample.free()
		s.out.end(errClosed())
	}
}

// reap drops the sequences that nobody reads any more.
func (l *loop) reap() {
	for _, s := range slices.Clone(l.active) {
		if s.out.isCanceled() {
			l.fail(s, errCanceled(nil))
		}
	}
	for _, s := range slices.Clone(l.queue) {
		if s.out.isCanceled() {
			l.fail(s, errCanceled(nil))
		}
	}
}

// expire moves out the cached prefixes that have become too expensive, or will be once so many more
// tokens are computed: a long prompt pays for looking at them before anybody can ask for them again.
func (l *loop) expire(ahead int) {
	dear, most := l.pace.price(l.heads, l.crowd.now)-ahead, 0
	if l.kvBytes > 0 {
		most = l.parking.budget / l.kvBytes
	}
	for i := l.rows.expired(parkAfter-ahead, dear, most); i >= 0; i = l.rows.expired(parkAfter-ahead, dear, most) {
		l.vacate(i)
	}
}

// release takes an ended sequence out. What it computed stays as a cached prefix.
func (l *loop) release(s *sequence) {
	l.leave(s)
	if i := slices.Index(l.queue, s); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
		// Before its caller learns of the end: the next request that the caller sends has its place.
		l.mu.Lock()
		l.waiting--
		l.mu.Unlock()
	}
	l.ended++
	s.sample.free()
}

// leave gives a sequence's row back.
func (l *loop) leave(s *sequence) {
	l.active = slices.DeleteFunc(l.active, func(a *sequence) bool { return a == s })
	if s.row < 0 {
		return
	}
	w := &l.rows.row[s.row]
	w.owner = nil
	w.tokens = w.tokens[:len(w.cells)]
	l.rows.touch(s.row)
	if w.private {
		w.private = false
		l.empty(s.row)
	}
	s.row = -1
}

// empty forgets all of a row.
func (l *loop) empty(i int) {
	l.ctx.Remove(int32(i), 0)
	l.rows.cut(i, 0)
}

// admit gives rows to waiting sequences, oldest first, while slots and cells last.
func (l *loop) admit() {
	for _, s := range l.active {
		if s.row < 0 && (s.waitFor == nil || s.waitFor.row < 0 || len(l.rows.row[s.waitFor.row].cells) >= s.waitLen) {
			s.waitFor = nil
			if !l.settle(s) {
				break
			}
		}
	}
	for len(l.queue) > 0 && len(l.active) < l.slots {
		s := l.queue[0]
		if len(l.active) > 0 && s.heldUntil > l.ended {
			return
		}
		if !l.settle(s) {
			return
		}
		l.queue = l.queue[1:]
		l.active = append(l.active, s)
	}
}

// settle finds a row for a sequence, or lets it wait for another one that computes its beginning;
// false when there are no cells for it now.
func (l *loop) settle(s *sequence) bool {
	private := l.plain || s.req.PromptLogprobs
	p := placement{row: -1, from: -1}
	if !private {
		p = l.rows.place(s.tokens)
		if l.unpark(s.tokens, p.have) {
			p = l.rows.place(s.tokens)
		}
	} else {
		p.row = l.rows.oldest(false, -1)
	}
	if p.wait {
		s.waitFor, s.waitLen = l.rows.row[p.from].owner, p.have
		return true
	}
	if p.row < 0 {
		return false
	}
	if p.row != p.from {
		l.vacate(p.row)
	}
	keep := p.from
	if !l.reserve(len(s.tokens)-p.have, keep) {
		// The prefix's own row may hold more than the prefix: give that up.
		if p.from < 0 || l.rows.row[p.from].owner != nil {
			return false
		}
		p.row = p.from
	}
	if p.row == p.from {
		if !l.ctx.Remove(int32(p.row), p.have) {
			l.empty(p.row)
			p.have = 0
		}
		l.rows.cut(p.row, p.have)
		if !l.reserve(len(s.tokens)-p.have, p.row) {
			return false
		}
	} else if p.have > 0 {
		l.ctx.Share(int32(p.from), int32(p.row), p.have)
		l.rows.lend(p.from, p.row, p.have)
		l.rows.touch(p.from)
	}
	w := &l.rows.row[p.row]
	w.owner, w.private = s, private
	w.tokens = append(w.tokens[:0], s.tokens...)
	l.rows.touch(p.row)
	s.row = p.row
	l.expire(len(s.tokens) - p.have)
	if !s.started {
		s.cached = p.have
	}
	return true
}

// reserve makes n cells free beside those that admitted prompts still need, by evicting cached
// prefixes, longest unused first.
func (l *loop) reserve(n, keep int) bool {
	for _, s := range l.active {
		if s.row >= 0 {
			n += len(s.tokens) - len(l.rows.row[s.row].cells)
		}
	}
	for len(l.rows.free) < n {
		i := l.rows.oldest(true, keep)
		if i < 0 {
			return false
		}
		l.vacate(i)
	}
	return true
}

// part is what one sequence puts into a step.
type part struct {
	seq     *sequence
	n       int  // tokens
	first   int  // batch index of the first
	outputs bool // logits for every token
	last    bool // the sequence's last known token is among them: a choice follows
}

// compose fills the batch: the newest token of each decoding sequence, then prompt chunks.
func (l *loop) compose() (parts []part, prompt int, err error) {
	l.ctx.Clear()
	var filling []*sequence
	for _, s := range l.active {
		switch need := l.need(s); {
		case s.row < 0:
		case need == 1 && s.started:
			parts = append(parts, part{seq: s, n: 1, last: true})
		default:
			filling = append(filling, s)
		}
	}
	decode := len(parts)
	needs := make([]int, len(filling))
	outputs := 0
	for i, s := range filling {
		needs[i] = l.need(s)
		if s.scoring() {
			needs[i] = min(needs[i], scoreChunk-outputs)
			outputs += needs[i]
		}
	}
	budget := l.pace.chunk(decode, len(filling), l.o.MicroBatch-decode)
	if decode == 0 {
		budget = whole(budget, needs)
	}
	for i, n := range share(budget, needs) {
		if n > 0 {
			s := filling[i]
			parts = append(parts, part{seq: s, n: n, outputs: s.scoring(), last: n == l.need(s)})
			prompt += n
		}
	}
	for i := range parts {
		p := &parts[i]
		done := len(l.rows.row[p.seq.row].cells)
		p.first = l.ctx.Len()
		for k := range p.n {
			output := p.outputs || p.last && k == p.n-1
			if _, err := l.ctx.Add(p.seq.tokens[done+k], int32(done+k), int32(p.seq.row), output); err != nil {
				return nil, 0, err
			}
		}
	}
	return parts, prompt, nil
}

// need is how many of a sequence's known tokens are not computed.
func (l *loop) need(s *sequence) int {
	if s.row < 0 {
		return 0
	}
	return len(s.tokens) - len(l.rows.row[s.row].cells)
}

// step computes one batch and hands out what came of it.
func (l *loop) step() error {
	for {
		parts, prompt, err := l.compose()
		if err != nil {
			return err
		}
		if len(parts) == 0 {
			return l.stuck()
		}
		if !l.room(l.ctx.Len()) {
			if err := l.holdBack(); err != nil {
				return err
			}
			continue
		}
		start, ran := time.Now(), threadTime()
		err = l.ctx.Decode()
		if errors.Is(err, capi.ErrFull) {
			if err := l.holdBack(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			l.reset()
			return err
		}
		l.steps++
		decode := l.ctx.Len() - prompt
		l.rows.rent += l.ctx.Len()
		took := time.Since(start)
		l.pace.observe(took, prompt, decode)
		if before := l.crowd.now; l.crowd.observe(took, threadTime()-ran, prompt+decode) != before {
			slog.Debug("compute threads changed", "from", before, "to", l.crowd.now)
			l.ctx.SetThreads(l.crowd.now)
		}
		return l.deliver(parts)
	}
}

// stuck ends the oldest sequence when none could take part in a step, which only a prompt that the
// cells cannot hold at all would explain.
func (l *loop) stuck() error {
	for _, s := range append(slices.Clone(l.active), l.queue...) {
		l.fail(s, fmt.Errorf("%d KV cells do not hold a prompt of %d tokens", len(l.rows.refs), len(s.tokens)))
		break
	}
	return nil
}

// reset empties the whole memory after a failed step, whose effect on it is unknown.
func (l *loop) reset() {
	for i := range l.rows.row {
		l.empty(i)
	}
}

// room makes n cells free for a step by evicting cached prefixes.
func (l *loop) room(n int) bool {
	for len(l.rows.free) < n {
		i := l.rows.oldest(true, -1)
		if i < 0 {
			return false
		}
		l.vacate(i)
	}
	return true
}

// holdBack makes cells free when running sequences need more than there are: cached prefixes go
// first, then the newest sequence goes back to the head of the queue until another one has ended.
func (l *loop) holdBack() error {
	if i := l.rows.oldest(true, -1); i >= 0 {
		l.vacate(i)
		return nil
	}
	for i := len(l.active) - 1; i > 0; i-- {
		s := l.active[i]
		if s.row < 0 {
			continue
		}
		slog.Info("KV cells are full: a sequence waits", "id", s.req.ID, "tokens", len(s.tokens))
		l.leave(s)
		s.heldUntil = l.ended + 1
		if !s.started {
			s.scored = nil
		}
		l.queue = append([]*sequence{s}, l.queue...)
		return nil
	}
	return fmt.Errorf("%d KV cells do not hold a single sequence", len(l.rows.refs))
}
