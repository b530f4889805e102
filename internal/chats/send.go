package chats

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Event is one of Created, Delta, Ended, Updated. An answer's events are: Created for the question
// when it is new, Created for the answer, Delta any number of times, Ended, Updated.
type Event interface{ event() }

// Created is a new message.
type Created struct{ Message Message }

// Delta is new text of an answer.
type Delta struct {
	MessageID string
	Text      string
}

// Ended is an answer in its final state.
type Ended struct{ Message Message }

// Updated is the chat after the answer.
type Updated struct{ Chat Chat }

func (Created) event() {}
func (Delta) event()   {}
func (Ended) event()   {}
func (Updated) event() {}

// NewMessage is a question, or a question that is asked again.
type NewMessage struct {
	Parent  string // id of the answer that the question follows, empty for a root; with no Content, of the question
	Content []Part // nil asks again for an answer to the question Parent
	Model   string // empty is the chat's, or the default
}

// keepEvery is how often the text of an answer in progress is written down.
const keepEvery = time.Second

// endTimeout bounds the last write of an answer whose client is gone.
const endTimeout = 15 * time.Second

// errStopped is the cause of a stopped answer's cancellation.
var errStopped = errors.New("the user stopped the answer")

// Send adds a question and its answer to a chat. Errors before the first event have changed nothing.
// After it, what goes wrong with the model is the answer's state, not an error. Breaking out of the
// iterator or ending ctx stops the answer and keeps what was produced.
func (s *Service) Send(ctx context.Context, who actor.Actor, chatID string, in NewMessage) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := checkContent(in.Content); err != nil {
			yield(nil, err)
			return
		}
		a, err := s.begin(ctx, who, chatID, in)
		if err != nil {
			yield(nil, err)
			return
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		finish := s.register(a.message.ID, cancel)
		defer finish()

		listening := true
		tell := func(ev Event) bool {
			listening = listening && yield(ev, nil)
			return listening
		}
		if (a.question == nil || tell(Created{*a.question})) && tell(Created{a.message}) {
			a.run(ctx, tell)
		} else {
			a.message.State = Stopped
		}
		chat, err := a.end(ctx)
		finish()
		switch {
		case !listening:
		case err != nil:
			yield(nil, err)
		case tell(Ended{a.message}):
			tell(Updated{chat})
		}
	}
}

func checkContent(parts []Part) error {
	if parts == nil {
		return nil
	}
	size := 0
	for i, p := range parts {
		if p.Type != "text" {
			return fault.Param(fmt.Sprintf("content[%d].type", i), "Invalid value: '%.40s'. Supported values are: 'text'.", p.Type)
		}
		size += len(p.Text)
	}
	switch {
	case strings.TrimSpace(textOf(parts)) == "":
		return fault.Param("content", "The message is empty. Write something, or leave 'content' out to have the last question answered again.")
	case size > maxText:
		return fault.Param("content", "The message has %d bytes, more than %d. Send a shorter one.", size, maxText)
	}
	return nil
}

// answering is one answer on its way.
type answering struct {
	service  *Service
	who      actor.Actor
	chat     Chat
	question *Message // when it is new
	message  Message  // the answer
	path     []Message
	text     strings.Builder
	kept     time.Time
}

// begin writes question and answer into the chat.
func (s *Service) begin(ctx context.Context, who actor.Actor, chatID string, in NewMessage) (a *answering, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		a = &answering{service: s, who: who}
		if a.chat, err = s.lockChat(ctx, tx, who, chatID); err != nil {
			return err
		}
		model := in.Model
		if model == "" {
			model = a.chat.Model
		}
		if model == "" {
			model = s.fallback()
		}
		target, err := s.generate.Models.Resolve(ctx, who, model)
		if err != nil {
			return err
		}
		question, err := s.question(ctx, tx, who, a, in)
		if err != nil {
			return err
		}
		a.message = a.next(question.ID, question.depth+1, "assistant", InProgress)
		a.message.Model, a.message.Served = model, target.Served
		if a.path, err = s.path(ctx, tx, question.ID); err != nil {
			return err
		}
		if err := s.insertMessage(ctx, tx, who, a.message); err != nil {
			return err
		}
		a.chat.Current, a.chat.Model, a.chat.Updated = a.message.ID, model, a.message.Created
		if a.chat.Title == "" {
			a.chat.Title = titleFrom(question.Text())
		}
		return s.updateChat(ctx, tx, a.chat)
	})
	return a, err
}

// question returns the message to answer: a new one, or the one that is asked again.
func (s *Service) question(ctx context.Context, tx *store.Tx, who actor.Actor, a *answering, in NewMessage) (Message, error) {
	if a.chat.MessageCount+2 > maxMessages {
		return Message{}, fault.New(fault.Invalid, "This chat has %d messages, which is the most that one may have. Begin a new chat.", a.chat.MessageCount)
	}
	var parent Message
	if in.Parent != "" {
		var err error
		if parent, err = s.message(ctx, tx, a.chat.ID, in.Parent, "parent_id"); err != nil {
			return Message{}, err
		}
	}
	switch {
	case in.Content == nil && parent.Role != "user":
		return Message{}, fault.Param("parent_id", "Without 'content', 'parent_id' must name the user's message that is to be answered again.")
	case in.Content == nil:
		return parent, nil
	case parent.Role == "user":
		return Message{}, fault.Param("parent_id", "A new message follows an answer, or nothing: 'parent_id' must name an assistant's message or be null.")
	case parent.State == InProgress:
		return Message{}, fault.New(fault.Conflict, "The answer that this message follows is still being written. Wait for its end, or stop it first.")
	case parent.depth+2 > maxDepth:
		return Message{}, fault.New(fault.Invalid, "This conversation has %d turns, which is the most that one may have. Begin a new chat.", parent.depth+1)
	}
	depth := 0
	if in.Parent != "" {
		depth = parent.depth + 1
	}
	m := a.next(in.Parent, depth, "user", Completed)
	m.Content = in.Content
	a.question = &m
	return m, s.insertMessage(ctx, tx, who, m)
}

// next is a new message at the end of the chat.
func (a *answering) next(parent string, depth int, role string, state State) Message {
	m := Message{
		ID: ids.New("msg_"), ChatID: a.chat.ID, Parent: parent, Role: role, State: state,
		Created: a.service.clock.Now().UTC().Truncate(time.Millisecond), position: a.chat.MessageCount, depth: depth,
	}
	if state == InProgress {
		m.server = a.service.servers.ID()
	}
	a.chat.MessageCount++
	return m
}

// run has the model answer and leaves the outcome in a.message.
func (a *answering) run(ctx context.Context, tell func(Event) bool) {
	a.kept = a.service.clock.Now()
	messages := history(a.path)
	err := a.generate(ctx, messages, tell)
	for rest := messages; err != nil && a.text.Len() == 0 && tooLong(err); {
		if rest = shortened(messages, len(messages)-len(rest)); rest == nil {
			break
		}
		err = a.generate(ctx, rest, tell)
	}
	cause := context.Cause(ctx)
	switch {
	case err == nil:
		a.message.State = Completed
	case errors.Is(err, errGone), errors.Is(cause, errStopped), errors.Is(cause, context.Canceled):
		a.message.State = Stopped
	case cause != nil && !errors.Is(cause, context.DeadlineExceeded):
		a.message.State, a.message.Error = Failed, &serverStopped // a shutdown whose patience was over
	default:
		a.message.State, a.message.Error = Failed, failure(err)
		a.service.log.Warn("an answer failed", "chat", a.chat.ID, "message", a.message.ID, "error", err)
	}
}

// errGone ends generate when nobody listens any more, or the answer was ended by somebody else.
var errGone = errors.New("nobody waits for this answer")

func tooLong(err error) bool {
	e := fault.As(err)
	return e != nil && e.Code == "context_length_exceeded"
}

// failure is an error in words for the user; what is not meant for users stays in the log.
func failure(err error) *Failure {
	if e := fault.As(err); e != nil && e.Kind != fault.Internal {
		return &Failure{Message: e.Message, Code: e.Code}
	}
	return &Failure{Message: "The server had an error while it wrote this answer. Please try again.", Code: "server_error"}
}

// generate runs the model once.
func (a *answering) generate(ctx context.Context, messages []engine.Message, tell func(Event) bool) error {
	sampling, system, maxTokens := manner(a.service.page(a.message.Served))
	if system != "" {
		messages = append([]engine.Message{{Role: "system", Content: system}}, messages...)
	}
	req := generate.Request{
		ID: a.message.ID, Op: "chats", Class: "chat", Model: a.message.Model, Param: "content",
		Reserve: answerRoom, DefaultMaxTokens: maxTokens, User: a.who.User, Sampling: sampling,
	}
	for ev, err := range a.service.generate.Run(ctx, a.who, req, generate.FromMessages(messages)) {
		if err != nil {
			return err
		}
		switch ev := ev.(type) {
		case generate.Admitted:
			a.message.Served = ev.Served
		case generate.Started:
			a.message.Usage = &Usage{PromptTokens: ev.PromptTokens, CachedTokens: ev.CachedTokens}
		case generate.Delta:
			if u := a.message.Usage; u != nil {
				u.CompletionTokens += len(ev.Tokens)
			}
			if ev.Text == "" {
				continue
			}
			a.text.WriteString(ev.Text)
			if !tell(Delta{a.message.ID, ev.Text}) || !a.keep(ctx) {
				return errGone
			}
		case generate.Done:
			u := Usage(ev.Usage)
			a.message.Usage = &u
		}
	}
	return nil
}

// keep writes the text down now and then. It reports whether the answer is still ours to write: it
// may have been stopped through another server, or deleted.
func (a *answering) keep(ctx context.Context) bool {
	now := a.service.clock.Now()
	if now.Sub(a.kept) < keepEvery {
		return true
	}
	a.kept = now
	ours, err := a.service.keepText(ctx, a.message.ID, a.parts())
	if err != nil {
		// The answer goes on: it is written down again in a second, and at its end.
		a.service.log.Warn("the text of an answer could not be written down", "message", a.message.ID, "error", err)
		return true
	}
	return ours
}

func (a *answering) parts() []Part {
	if a.text.Len() == 0 {
		return nil
	}
	return []Part{{Type: "text", Text: a.text.String()}}
}

// end writes the final state. The client may be gone; the answer is kept all the same.
func (a *answering) end(ctx context.Context) (Chat, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	s := a.service
	a.message.Content = a.parts()
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		chat, err := s.lockChat(ctx, tx, a.who, a.chat.ID)
		if err != nil {
			return err // deleted while it was being answered
		}
		a.chat = chat
		ended, err := s.endMessage(ctx, tx, a.message)
		if err != nil {
			return err
		}
		if !ended {
			a.message, err = s.message(ctx, tx, a.chat.ID, a.message.ID, "message_id")
			return err
		}
		a.chat.Updated = s.clock.Now().UTC().Truncate(time.Millisecond)
		return s.updateChat(ctx, tx, a.chat)
	})
	if err != nil && fault.KindOf(err) != fault.NotFound {
		s.log.Error("the end of an answer could not be written down", "message", a.message.ID, "error", err)
	}
	return a.chat, err
}

// Stop ends an answer in progress, keeping what was produced; for one that has ended it does nothing.
// It returns the message as it is then.
func (s *Service) Stop(ctx context.Context, who actor.Actor, chatID, messageID string) (m Message, err error) {
	if _, err := s.chat(ctx, s.db.Read(), who, chatID); err != nil {
		return Message{}, err
	}
	if m, err = s.message(ctx, s.db.Read(), chatID, messageID, "message_id"); err != nil || m.State != InProgress {
		return m, err
	}
	if ended := s.cancel(messageID); ended != nil {
		// The stream's own end writes the state, with all the text.
		select {
		case <-ended:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	} else {
		// Another server writes it, and finds out when it writes the text down the next time.
		m.State = Stopped
		if err := s.db.Tx(ctx, func(tx *store.Tx) error {
			_, err := s.endMessage(ctx, tx, m)
			return err
		}); err != nil {
			return Message{}, err
		}
	}
	return s.message(ctx, s.db.Read(), chatID, messageID, "message_id")
}

// running is an answer that this process writes.
type running struct {
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when its final state was written
}

// register notes an answer; the returned function is called when its end was written, and again if need be.
func (s *Service) register(id string, cancel context.CancelCauseFunc) (end func()) {
	r := running{cancel: cancel, ended: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[id] = r
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.running, id)
		close(r.ended)
	})
}

// cancel ends an answer that this process writes, and returns what is closed at its end; nil when it
// is not one of ours.
func (s *Service) cancel(id string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.running[id]
	if !ok {
		return nil
	}
	r.cancel(errStopped)
	return r.ended
}
