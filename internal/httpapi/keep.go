package httpapi

import (
	"net/http"
	"time"

	"github.com/parley-ai/parley/internal/actor"
)

// Keeping says which bodies of a route are offered to the Keeper.
type Keeping int

const (
	// KeepNothing is the zero value.
	KeepNothing Keeping = iota
	// KeepRequest is for answers that nobody could read: vectors.
	KeepRequest
	// KeepBoth keeps request and answer.
	KeepBoth
)

// Keeper keeps bodies of requests for as long as their organization lets it. Implementations must be safe for
// concurrent use, and quick: they are asked on every request of a route with Keep.
type Keeper interface {
	// Keeps returns how many bytes of each body are wanted; 0: nothing of this actor's is kept.
	Keeps(who actor.Actor) int
	// Keep takes a request that was answered. It never waits. The bodies are its own from here on.
	Keep(x Exchange)
}

// Exchange is a request with its answer, as they went over the wire: of a stream the events. Bodies end where Keeps said.
type Exchange struct {
	RequestID    string
	Actor        actor.Actor
	Op           string // the route's
	Started      time.Time
	Status       int // of HTTP, as the books have it
	Request      []byte
	Response     []byte
	RequestSize  int64 // bytes that there were
	ResponseSize int64
}

// keeping is what a call gathers for the Keeper.
type keeping struct {
	most     int // bytes of each body; 0: nothing is kept
	answers  bool
	request  []byte
	size     int64 // of the whole request
	response []byte
}

// askKeeper finds out whether the bodies of the call are kept.
func (c *call) askKeeper() {
	if k := c.api.opts.Keeper; k != nil && c.route.Keep != KeepNothing {
		c.kept.most, c.kept.answers = k.Keeps(c.actor), c.route.Keep == KeepBoth
	}
}

// keepRequest copies a request's body, which its reader uses again.
func (c *call) keepRequest(body []byte) {
	if c == nil || c.kept.most <= 0 {
		return
	}
	c.kept.request = append([]byte(nil), body[:min(len(body), c.kept.most)]...)
	c.kept.size = int64(len(body))
}

// keepResponse copies a part of the answer as it goes out.
func (c *call) keepResponse(part []byte) {
	if !c.kept.answers {
		return
	}
	if room := c.kept.most - len(c.kept.response); room > 0 {
		c.kept.response = append(c.kept.response, part[:min(len(part), room)]...)
	}
}

// offer gives the Keeper what was gathered. Requests that were refused are not kept: no model saw them.
func (c *call) offer(status int) {
	c.entry.mu.Lock()
	if c.entry.status != 0 {
		status = c.entry.status // the error that ended a stream
	}
	c.entry.mu.Unlock()
	if c.kept.request == nil || status >= http.StatusBadRequest && status < statusCanceled {
		return
	}
	x := Exchange{
		RequestID: c.id, Actor: c.actor, Op: c.route.Op, Started: c.start, Status: status,
		Request: c.kept.request, Response: c.kept.response, RequestSize: c.kept.size,
	}
	if c.kept.answers {
		x.ResponseSize = c.w.bytes
	}
	c.api.opts.Keeper.Keep(x)
}
