package recall

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/thread"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// Shares of the budget.
const (
	summaryShare = 8 // a summary has at most this part of it
	foundShare   = 8 // and older messages that were found, together
	mostSummary  = 1024
	leastSummary = 64
	mostFound    = 6
	pageSize     = 32 // messages read at once
)

// Memory builds views. Make it with New.
type Memory struct {
	db      *store.DB
	threads *thread.Store
	clock   clock.Clock
}

// New returns a memory over threads.
func New(db *store.DB, threads *thread.Store, c clock.Clock) *Memory {
	return &Memory{db: db, threads: threads, clock: c}
}

// Request says what is to be seen.
type Request struct {
	ThreadID string
	Upto     int64 // position of the newest message to show
	Budget   int   // tokens for all of the view
	Last     int   // as truncation_strategy last_messages: so many messages and nothing in place of the others; 0 is all that fits
	Messages int64 // how many the thread has, for the record
}

// View is what the model sees of a thread.
type View struct {
	Messages []object.Message // the newest, in order
	Summary  string           // of those before them; empty is none
	Found    []object.Message // older ones with words of the question, in order
	Record   Record
}

// Record says what a view shows and what it leaves out. Tokens are estimates.
type Record struct {
	Budget         int      `json:"budget_tokens"`
	Tokens         int      `json:"tokens"`
	Shown          int      `json:"shown"`                              // messages that are there whole
	FirstShown     string   `json:"first_shown_message_id,omitempty"`   // the oldest of them in a row
	LeftOut        int64    `json:"left_out"`                           // messages that are not there whole
	LastLeftOut    string   `json:"last_left_out_message_id,omitempty"` // the newest of these
	Summary        string   `json:"summary,omitempty"`                  // what was shown in their place
	SummaryMissing int64    `json:"left_out_without_summary,omitempty"` // how many of them the summary does not have yet, at most
	Found          []string `json:"retrieved_message_ids,omitempty"`    // older messages that were shown all the same
	Rows           int      `json:"rows_read"`                          // of the database
}

// Tokens estimates the size of a text.
func Tokens(text string) int { return encoding().Count(text) }

var encoding = sync.OnceValue(func() *bpe.Encoding {
	e, err := bpe.Get("cl100k_base")
	if err != nil {
		panic(err) // it is part of the program
	}
	return e
})

// perMessage is what a message takes besides its text.
const perMessage = 4

// Size estimates the tokens of a message.
func Size(m *object.Message) int { return perMessage + Tokens(Text(m)) }

// Text is a message in words.
func Text(m *object.Message) string {
	var lines []string
	for _, p := range m.Content {
		switch {
		case p.Text != nil:
			lines = append(lines, p.Text.Value)
		case p.Refusal != "":
			lines = append(lines, p.Refusal)
		case p.Image != nil && p.Image.FileID != "":
			lines = append(lines, "[image "+p.Image.FileID+"]")
		case p.Image != nil:
			lines = append(lines, "[image at "+p.Image.URL+"]")
		}
	}
	return strings.Join(lines, "\n")
}

// View chooses what is seen.
func (m *Memory) View(ctx context.Context, q store.Q, r Request) (View, error) {
	v := View{Record: Record{Budget: r.Budget}}
	old := summary{through: -1}
	if r.Last == 0 {
		var err error
		if old, err = m.summary(ctx, q, r.ThreadID); err != nil {
			return View{}, err
		}
		v.Record.Rows++
	}
	room := r.Budget
	if old.through >= 0 {
		v.Summary = fit(old.text, room/summaryShare)
		room -= Tokens(v.Summary) + room/foundShare
	}
	next, err := m.newest(ctx, q, r, old.through, room, &v)
	if err != nil {
		return View{}, err
	}
	if len(v.Messages) > 0 && old.through >= 0 {
		if err := m.find(ctx, q, r, old, &v); err != nil {
			return View{}, err
		}
	}
	v.Record.Summary = v.Summary
	v.Record.Tokens += Tokens(v.Summary)
	v.Record.Shown = len(v.Messages) + len(v.Found)
	if len(v.Messages) > 0 {
		v.Record.FirstShown = v.Messages[0].ID
	}
	v.Record.LeftOut = max(0, r.Messages-int64(v.Record.Shown))
	if next != nil {
		v.Record.LastLeftOut = next.ID
		v.Record.SummaryMissing = max(0, next.Position-max(old.through, -1))
	}
	return v, nil
}

// newest reads the newest messages that fit and that no summary has, at least one. It returns the first one that it left out; nil when
// there is none.
func (m *Memory) newest(ctx context.Context, q store.Q, r Request, through int64, room int, v *View) (next *object.Message, err error) {
	defer func() { slices.Reverse(v.Messages) }()
	for before := r.Upto + 1; ; {
		page, err := m.threads.Recent(ctx, q, r.ThreadID, before, pageSize)
		if err != nil {
			return nil, err
		}
		v.Record.Rows += len(page)
		for i := range page {
			size := Size(&page[i])
			full := v.Record.Tokens+size > room || r.Last > 0 && len(v.Messages) >= r.Last || page[i].Position <= through
			if full && len(v.Messages) > 0 {
				return &page[i], nil
			}
			v.Messages = append(v.Messages, page[i])
			v.Record.Tokens += size
		}
		if len(page) < pageSize {
			return nil, nil
		}
		before = page[len(page)-1].Position
	}
}

// find looks for the question's words in the messages that the summary stands for.
func (m *Memory) find(ctx context.Context, q store.Q, r Request, old summary, v *View) error {
	asked := ""
	for i := len(v.Messages) - 1; i >= 0 && asked == ""; i-- {
		if v.Messages[i].Role == object.User {
			asked = Text(&v.Messages[i])
		}
	}
	words := terms(asked, maxAsked)
	if len(words) == 0 {
		return nil
	}
	postings, err := m.postings(ctx, q, r.ThreadID, words)
	if err != nil {
		return err
	}
	v.Record.Rows += len(postings)
	room := r.Budget / foundShare
	for _, at := range rank(postings, old.indexed, mostFound) {
		found, err := m.threads.Range(ctx, q, r.ThreadID, at, at)
		if err != nil {
			return err
		}
		v.Record.Rows += len(found)
		for i := range found {
			// One that is too long has its beginning shown, as far as there is room.
			if size := Size(&found[i]); size > room {
				continue
			} else {
				room -= size
				v.Record.Tokens += size
			}
			v.Found = append(v.Found, found[i])
			v.Record.Found = append(v.Record.Found, found[i].ID)
		}
	}
	return nil
}

// fit cuts a text to about so many tokens.
func fit(text string, tokens int) string {
	for Tokens(text) > tokens && text != "" {
		text = strings.ToValidUTF8(text[:len(text)*3/4], "")
	}
	return text
}

// Material is what a view says of the older messages, in a fence; empty when it says nothing.
func (v *View) Material() string {
	var b strings.Builder
	if v.Summary != "" {
		b.WriteString("Summary of the conversation so far:\n" + v.Summary + "\n")
	}
	return fenced(&b)
}

// Recalled is what older messages say, in a fence; empty when none was found.
func (v *View) Recalled() string {
	var b strings.Builder
	if len(v.Found) > 0 {
		b.WriteString("Earlier messages of this conversation with words of the question:\n")
	}
	for i := range v.Found {
		fmt.Fprintf(&b, "%s: %s\n", v.Found[i].Role, Text(&v.Found[i]))
	}
	return fenced(&b)
}

func fenced(b *strings.Builder) string {
	if b.Len() == 0 {
		return ""
	}
	return agent.Fence(strings.TrimSuffix(b.String(), "\n"))
}

// Summarize has a model write a summary of at most so many tokens. text is what is to be summarized, fenced.
type Summarize func(ctx context.Context, text string, tokens int) (string, error)

// Fold puts the older half of the messages that no summary has into the summary, when together they take three quarters of the
// budget. It reports whether it did.
func (m *Memory) Fold(ctx context.Context, who actor.Actor, r Request, ask Summarize) (bool, error) {
	old, err := m.summary(ctx, m.db.Read(), r.ThreadID)
	if err != nil {
		return false, err
	}
	chunk, err := m.chunk(ctx, r, old.through)
	if err != nil || len(chunk) == 0 {
		return false, err
	}
	most := min(max(r.Budget/summaryShare, leastSummary), mostSummary)
	text, err := ask(ctx, agent.Fence(transcript(fit(old.text, most), chunk)), most)
	if err != nil {
		return false, err
	}
	now := summary{through: chunk[len(chunk)-1].Position, text: fit(strings.TrimSpace(text), most), indexed: old.indexed + int64(len(chunk))}
	done := false
	err = m.db.Tx(ctx, func(tx *store.Tx) error {
		if done, err = m.replace(ctx, tx, who, r.ThreadID, old, now); err != nil || !done {
			return err
		}
		return m.index(ctx, tx, who, r.ThreadID, chunk)
	})
	return done, err
}

// chunk returns the oldest messages that no summary has, half a budget of them; none while all of them take less than three quarters.
func (m *Memory) chunk(ctx context.Context, r Request, through int64) ([]object.Message, error) {
	var out []object.Message
	total, half, cut := 0, 0, 0
	for from := through + 1; from <= r.Upto && total < r.Budget*3/4; {
		page, err := m.threads.Range(ctx, m.db.Read(), r.ThreadID, from, min(from+pageSize-1, r.Upto))
		if err != nil {
			return nil, err
		}
		for i := range page {
			size := Size(&page[i])
			total += size
			if half < r.Budget/2 {
				half += size
				cut = len(out) + 1
			}
			out = append(out, page[i])
		}
		from += pageSize
	}
	if total < r.Budget*3/4 {
		return nil, nil
	}
	// The newest message stays: it is what is answered.
	return out[:min(cut, max(len(out)-1, 0))], nil
}

// longest is how many characters of one message go into a summary.
const longest = 8000

func transcript(before string, messages []object.Message) string {
	var b strings.Builder
	if before != "" {
		b.WriteString("Summary of what was before:\n" + before + "\n\nWhat was said then:\n")
	}
	for i := range messages {
		text := Text(&messages[i])
		if len(text) > longest {
			text = strings.ToValidUTF8(text[:longest/2], "") + " […] " + strings.ToValidUTF8(text[len(text)-longest/2:], "")
		}
		fmt.Fprintf(&b, "%s: %s\n", messages[i].Role, text)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// index adds messages to the words of their thread.
func (m *Memory) index(ctx context.Context, tx *store.Tx, who actor.Actor, threadID string, messages []object.Message) error {
	fresh := map[string][]int64{}
	for i := range messages {
		for _, w := range terms(Text(&messages[i]), maxTerms) {
			fresh[w] = append(fresh[w], messages[i].Position)
		}
	}
	words := make([]string, 0, len(fresh))
	for w := range fresh {
		words = append(words, w)
	}
	slices.Sort(words) // so that two servers take rows in the same order
	known, err := m.postings(ctx, tx, threadID, words)
	if err != nil {
		return err
	}
	before := map[string]posting{}
	for _, p := range known {
		before[p.term] = p
	}
	out := make([]posting, len(words))
	for i, w := range words {
		p := before[w]
		p.term, p.messages = w, p.messages+int64(len(fresh[w]))
		p.positions = append(p.positions, fresh[w]...)
		p.positions = p.positions[max(0, len(p.positions)-maxPositions):]
		out[i] = p
	}
	return m.putPostings(ctx, tx, who, threadID, out)
}
