package jobs

import (
	"context"
	"database/sql"
	"sync"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// sqliteDriver is River's driver with a listener: SQLite has no NOTIFY, but all jobs come from this
// process, so a channel says it sooner than any poll and spares the writer 50 polls a second.
type sqliteDriver struct {
	*riversqlite.Driver
	hub *hub
}

func newSQLiteDriver(db *sql.DB, h *hub) *sqliteDriver { return &sqliteDriver{riversqlite.New(db), h} }

// SupportsListener implements riverdriver.Driver.
func (d *sqliteDriver) SupportsListener() bool { return true }

// GetListener implements riverdriver.Driver.
func (d *sqliteDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &listener{hub: d.hub, in: make(chan string, 64)}
}

// hub passes on which queue got a job.
type hub struct {
	mu        sync.Mutex
	listeners map[*listener]bool
}

func newHub() *hub { return &hub{listeners: map[*listener]bool{}} }

// notify never waits: a listener with a full channel is awake anyway, or polls.
func (h *hub) notify(queue string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		select {
		case l.in <- queue:
		default:
		}
	}
}

// listener implements riverdriver.Listener.
type listener struct {
	hub *hub
	in  chan string
}

func (l *listener) Connect(context.Context) error { return nil }

func (l *listener) Close(context.Context) error { return l.Unlisten(context.Background(), insertTopic) }

func (l *listener) Listen(_ context.Context, topic string) error {
	if topic == insertTopic {
		l.hub.mu.Lock()
		defer l.hub.mu.Unlock()
		l.hub.listeners[l] = true
	}
	return nil
}

func (l *listener) Unlisten(_ context.Context, topic string) error {
	if topic == insertTopic {
		l.hub.mu.Lock()
		defer l.hub.mu.Unlock()
		delete(l.hub.listeners, l)
	}
	return nil
}

func (l *listener) Ping(context.Context) error { return nil }
func (l *listener) Schema() string             { return "" }
func (l *listener) SetAfterConnectExec(string) {}

func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case queue := <-l.in:
		return &riverdriver.Notification{Topic: insertTopic, Payload: insertPayload(queue)}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
