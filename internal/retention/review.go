package retention

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Where items come from.
const (
	SourceOperator   = "operator"
	SourceSample     = "sample"
	SourceModeration = "moderation"
)

// States of an item.
const (
	Open    = "open"
	Claimed = "claimed"
	Decided = "decided"
)

// Decisions.
const (
	NoAction = "no_action"
	Warn     = "warn"
)

// claimTime is how long an item is a reviewer's who does nothing with it.
const claimTime = 30 * time.Minute

// maxText is the longest reason, note and message, in characters.
const maxText = 2000

// Item is a request in the reviewers' queue. It never has bodies.
type Item struct {
	ID           string
	Org          string
	Project      string // empty: not known yet
	RequestID    string
	FlaggedAt    time.Time
	Source       string
	Reason       string
	FlaggedBy    string // user id; empty for a program
	State        string
	ClaimedBy    string // user id
	ClaimedEmail string
	ClaimedUntil time.Time
	Looks        int // how often the bodies were read
	Decision     string
	Note         string
	Message      string
	DecidedAt    time.Time

	block string
}

// Flag puts a request that was answered, and whose bodies are kept, into the queue. An empty org is any. A request that is in the
// queue already stays as it is.
func (s *Service) Flag(ctx context.Context, who actor.Actor, org, requestID, source, reason string) (item Item, err error) {
	defer fault.Wrap(&err, "retention.Flag")
	if reason = strings.TrimSpace(reason); reason == "" {
		return Item{}, fault.Param("reason", "Say why the request is to be reviewed.").WithCode("missing_required_parameter")
	}
	if err := checkText("reason", reason); err != nil {
		return Item{}, err
	}
	if !ids.Valid("req_", requestID) {
		return Item{}, noRequest(requestID)
	}
	if err := s.Flush(ctx); err != nil {
		return Item{}, err
	}
	b, err := search(ctx, s.o.DB.Read(), org, requestID)
	if errors.Is(err, store.ErrNoRows) {
		return Item{}, noRequest(requestID)
	}
	if err != nil {
		return Item{}, err
	}
	item = Item{ID: ids.New("review_"), Org: b.org, RequestID: requestID, FlaggedAt: s.o.Clock.Now(), Source: source, Reason: reason, FlaggedBy: who.User, State: Open, block: b.id}
	who.Org = b.org
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := insertItem(ctx, tx, item); err != nil {
			return err
		}
		found, err := findItem(ctx, tx, "org_id = $1 AND request_id = $2", item.Org, item.RequestID)
		if err != nil || found.ID != item.ID {
			item = found
			return err
		}
		return s.record(ctx, tx, who, ItemFlagged, item, map[string]any{"request_id": requestID, "source": source, "reason": reason})
	})
	return item, err
}

func noRequest(id string) error {
	return fault.Param("request_id", "No such request is kept: %s. Its organization keeps nothing, it was deleted, or the id is not that of the header x-request-id.",
		clip(id)).WithCode("request_not_found")
}

func clip(id string) string { return strings.ToValidUTF8(id[:min(len(id), 64)], "?") }

func checkText(param, text string) error {
	if n := utf8.RuneCountInString(text); n > maxText {
		return fault.Param(param, "Invalid '%s': it has %d characters; the most is %d.", param, n, maxText).WithCode("string_above_max_length")
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return fault.Param(param, "Invalid '%s': a text has no NUL character.", param).WithCode("invalid_value")
	}
	return nil
}

// record writes a line about an item into the log of the organization whose request it is.
func (s *Service) record(ctx context.Context, tx *store.Tx, who actor.Actor, kind string, item Item, after any) error {
	who.Org = item.Org
	return s.audit.Record(ctx, tx, who, audit.Event{Type: kind, Object: item.ID, Project: item.Project, After: after})
}

// mayReview refuses who is no reviewer in a browser.
func mayReview(who actor.Actor) error {
	if !who.Reviewer || who.Session == "" {
		return fault.New(fault.Forbidden, "Only reviewers may do this, signed in to the console. The operator names them: `parley admin reviewers add EMAIL`.").WithCode("missing_scope")
	}
	return nil
}

// Items returns a page of the queue: of a state, or all when it is empty; mine are those that the actor holds.
func (s *Service) Items(ctx context.Context, who actor.Actor, state string, mine bool, p store.Paging) (_ []Item, more bool, err error) {
	defer fault.Wrap(&err, "retention.Items")
	if err := mayReview(who); err != nil {
		return nil, false, err
	}
	return s.page(ctx, who, state, mine, p)
}

// Queue is Items for the operator, who sees what waits and what was decided, and no bodies.
func (s *Service) Queue(ctx context.Context, _ actor.Actor, state string, p store.Paging) (_ []Item, more bool, err error) {
	defer fault.Wrap(&err, "retention.Queue")
	return s.page(ctx, actor.Actor{}, state, false, p)
}

func (s *Service) page(ctx context.Context, who actor.Actor, state string, mine bool, p store.Paging) ([]Item, bool, error) {
	switch state {
	case "", Open, Claimed, Decided:
	default:
		return nil, false, fault.Param("state", "'%s' is not one of ['open', 'claimed', 'decided'] - 'state'", clip(state)).WithCode("invalid_value")
	}
	items, more, err := listItems(ctx, s.o.DB.Read(), state, who.User, mine, s.o.Clock.Now(), p)
	var cursor *store.CursorError
	if errors.As(err, &cursor) {
		return nil, false, fault.Param(cursor.Param, "No such item: %s", clip(cursor.ID))
	}
	for i := range items {
		items[i].settle(s.o.Clock.Now())
	}
	return items, more, err
}

// settle makes an item open whose reviewer let the time pass.
func (i *Item) settle(now time.Time) {
	if i.State == Claimed && !i.ClaimedUntil.After(now) {
		i.State, i.ClaimedBy, i.ClaimedEmail, i.ClaimedUntil = Open, "", "", time.Time{}
	}
}

// Item returns one of the queue.
func (s *Service) Item(ctx context.Context, who actor.Actor, id string) (item Item, err error) {
	defer fault.Wrap(&err, "retention.Item")
	if err := mayReview(who); err != nil {
		return Item{}, err
	}
	item, err = findItem(ctx, s.o.DB.Read(), "id = $1", id)
	if errors.Is(err, store.ErrNoRows) {
		return Item{}, noItem(id)
	}
	item.settle(s.o.Clock.Now())
	return item, err
}

func noItem(id string) error {
	return fault.New(fault.NotFound, "No such item: %s", clip(id)).WithCode("item_not_found")
}

// Next gives the reviewer the item that has waited longest, or NotFound when none waits.
func (s *Service) Next(ctx context.Context, who actor.Actor) (item Item, err error) {
	defer fault.Wrap(&err, "retention.Next")
	if err := mayReview(who); err != nil {
		return Item{}, err
	}
	for {
		id, err := nextItem(ctx, s.o.DB.Read(), s.o.Clock.Now())
		if errors.Is(err, store.ErrNoRows) {
			return Item{}, fault.New(fault.NotFound, "Nothing waits for review.").WithCode("queue_empty")
		}
		if err != nil {
			return Item{}, err
		}
		item, err := s.Claim(ctx, who, id)
		if kind := fault.KindOf(err); kind != fault.Conflict && kind != fault.NotFound {
			return item, err
		}
	}
}

// Claim gives the reviewer an item: nobody else has it until they decide, release it, or do nothing for half an hour.
func (s *Service) Claim(ctx context.Context, who actor.Actor, id string) (item Item, err error) {
	defer fault.Wrap(&err, "retention.Claim")
	if err := mayReview(who); err != nil {
		return Item{}, err
	}
	now := s.o.Clock.Now()
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if item, err = claimItem(ctx, tx, id, who, now, now.Add(claimTime)); errors.Is(err, store.ErrNoRows) {
			return s.why(ctx, tx, who, id)
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, who, ItemClaimed, item, map[string]any{"request_id": item.RequestID})
	})
	return item, err
}

// why says why an item is not the reviewer's.
func (s *Service) why(ctx context.Context, q store.Q, who actor.Actor, id string) error {
	item, err := findItem(ctx, q, "id = $1", id)
	if errors.Is(err, store.ErrNoRows) {
		return noItem(id)
	}
	if err != nil {
		return err
	}
	item.settle(s.o.Clock.Now())
	switch {
	case item.State == Decided:
		return fault.New(fault.Conflict, "This item is decided.").WithCode("item_decided")
	case item.State == Claimed && item.ClaimedBy != who.User:
		return fault.New(fault.Conflict, "Another reviewer has this item until %s.", item.ClaimedUntil.Format("15:04 MST")).WithCode("item_claimed")
	}
	return fault.New(fault.Conflict, "Claim the item first: nobody, or another reviewer, has it.").WithCode("item_not_claimed")
}

// Look returns the bodies of an item that the reviewer holds. That they look is in the audit log of the organization before anything is read.
func (s *Service) Look(ctx context.Context, who actor.Actor, id string) (item Item, _ Record, err error) {
	defer fault.Wrap(&err, "retention.Look")
	if err := mayReview(who); err != nil {
		return Item{}, Record{}, err
	}
	now := s.o.Clock.Now()
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if item, err = holdItem(ctx, tx, id, who.User, now, now.Add(claimTime)); errors.Is(err, store.ErrNoRows) {
			return s.why(ctx, tx, who, id)
		}
		if err != nil {
			return err
		}
		if ok, err := blockExists(ctx, tx, item.block); err != nil || !ok {
			if err == nil {
				err = deleted()
			}
			return err
		}
		return s.record(ctx, tx, who, ItemLooked, item, map[string]any{"request_id": item.RequestID, "reason": item.Reason})
	})
	if err != nil {
		return Item{}, Record{}, err
	}
	var found *Record
	err = s.open(ctx, s.o.DB.Read(), item.block, func(r Record) bool {
		if r.RequestID == item.RequestID {
			found = &r
		}
		return found == nil
	})
	if errors.Is(err, store.ErrNoRows) || err == nil && found == nil {
		err = deleted()
	}
	if err != nil {
		return Item{}, Record{}, err
	}
	return item, *found, nil
}

func deleted() error {
	return fault.New(fault.NotFound, "The bodies of this request were deleted: their time has passed, or the organization keeps nothing any more.").WithCode("bodies_deleted")
}

// Release gives an item back to the queue.
func (s *Service) Release(ctx context.Context, who actor.Actor, id string) (item Item, err error) {
	defer fault.Wrap(&err, "retention.Release")
	if err := mayReview(who); err != nil {
		return Item{}, err
	}
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if item, err = releaseItem(ctx, tx, id, who.User, s.o.Clock.Now()); errors.Is(err, store.ErrNoRows) {
			return s.why(ctx, tx, who, id)
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, who, ItemReleased, item, map[string]any{"request_id": item.RequestID})
	})
	return item, err
}

// Decide ends the review of an item that the reviewer holds. note is for reviewers; message, which a warning needs, for the organization.
func (s *Service) Decide(ctx context.Context, who actor.Actor, id, decision, note, message string) (item Item, err error) {
	defer fault.Wrap(&err, "retention.Decide")
	if err := mayReview(who); err != nil {
		return Item{}, err
	}
	note, message = strings.TrimSpace(note), strings.TrimSpace(message)
	switch {
	case decision != NoAction && decision != Warn:
		return Item{}, fault.Param("decision", "'%s' is not one of ['no_action', 'warn'] - 'decision'", clip(decision)).WithCode("invalid_value")
	case decision == Warn && message == "":
		return Item{}, fault.Param("message", "A warning needs a message: write what the organization is to know.").WithCode("missing_required_parameter")
	case decision == NoAction && message != "":
		return Item{}, fault.Param("message", "Only a warning has a message. Write what other reviewers should know into the note.").WithCode("invalid_value")
	}
	if err := errors.Join(checkText("note", note), checkText("message", message)); err != nil {
		return Item{}, err
	}
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if item, err = decideItem(ctx, tx, id, who.User, s.o.Clock.Now(), decision, note, message); errors.Is(err, store.ErrNoRows) {
			return s.why(ctx, tx, who, id)
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, who, ItemDecided, item, map[string]any{"request_id": item.RequestID, "decision": decision, "message": message})
	})
	return item, err
}
