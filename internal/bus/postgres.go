package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/parley-ai/parley/internal/ids"
)

const (
	// sendBuffer is the most hints that wait to be sent to other servers; beyond it they are told
	// that anything may have changed.
	sendBuffer = 4096
	// sendBatch is the most hints of one round trip.
	sendBatch = 256
	// reconnectWait is the first pause after a lost connection; it doubles up to 30 times.
	reconnectWait = 100 * time.Millisecond
	sendTimeout   = 10 * time.Second
)

// Postgres is a Bus over PostgreSQL's LISTEN/NOTIFY, for all servers on one database and schema. When its
// connection was lost, subscribers are told that anything may have changed.
type Postgres struct {
	hub     hub
	pool    *pgxpool.Pool
	log     *slog.Logger
	channel string
	self    string // tells our own hints, which were delivered at once

	mu      sync.Mutex
	pending []hint
	lost    bool // the buffer was full: send "anything" instead
	kick    chan struct{}

	stop context.CancelFunc
	wg   sync.WaitGroup
}

// hint is a hint on its way, as JSON in the notification.
type hint struct {
	From  string `json:"f"`
	Topic string `json:"t"` // "" is all topics
	Key   string `json:"k"`
}

// NewPostgres returns a bus that listens on a connection of its own and sends through the pool.
func NewPostgres(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) (*Postgres, error) {
	p := &Postgres{pool: pool, log: log, self: ids.Random(12), kick: make(chan struct{}, 1)}
	var schema string
	if err := pool.QueryRow(ctx, `SELECT current_schema()`).Scan(&schema); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	p.channel = "parley_bus." + schema
	conn, err := p.listen(ctx)
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.wg.Go(func() { p.receive(run, conn) })
	p.wg.Go(func() { p.send(run) })
	return p, nil
}

func (p *Postgres) listen(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, p.pool.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{p.channel}.Sanitize()); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

// receive delivers what other servers publish, and connects again when the connection is lost.
func (p *Postgres) receive(ctx context.Context, conn *pgx.Conn) {
	wait := reconnectWait
	for ctx.Err() == nil {
		if conn == nil {
			var err error
			if conn, err = p.listen(ctx); err != nil {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
				}
				wait = min(2*wait, 30*reconnectWait)
				continue
			}
			// What was published in between is unknown.
			p.hub.publishAll()
			wait = reconnectWait
		}
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			if ctx.Err() == nil {
				p.log.Warn("the bus lost its connection", "error", err)
			}
			closeConn(conn)
			conn = nil
			continue
		}
		var hints []hint
		if err := json.Unmarshal([]byte(n.Payload), &hints); err != nil {
			p.log.Warn("the bus got something that is no hint", "error", err)
			continue
		}
		for _, h := range hints {
			switch {
			case h.From == p.self:
			case h.Topic == "":
				p.hub.publishAll()
			default:
				p.hub.publish(h.Topic, h.Key)
			}
		}
	}
	if conn != nil {
		closeConn(conn)
	}
}

func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// Publish implements Bus: subscribers of this process get the hint at once, others soon.
func (p *Postgres) Publish(topic, key string) {
	key = fit(key)
	p.hub.publish(topic, key)
	p.mu.Lock()
	if len(p.pending) >= sendBuffer {
		p.pending, p.lost = nil, true
	}
	p.pending = append(p.pending, hint{p.self, topic, key})
	p.mu.Unlock()
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// send passes hints on to the other servers, many in one notification.
func (p *Postgres) send(ctx context.Context) {
	for {
		select {
		case <-p.kick:
		case <-ctx.Done():
			return
		}
		wait := reconnectWait
		for {
			batch := p.take()
			if len(batch) == 0 {
				break
			}
			if err := p.notify(ctx, batch); err != nil {
				if ctx.Err() != nil {
					return
				}
				p.log.Warn("the bus cannot send", "error", err)
				// The others may have missed these: tell them so as soon as it works again.
				p.mu.Lock()
				p.lost = true
				p.mu.Unlock()
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					return
				}
				wait = min(2*wait, 30*reconnectWait)
			}
		}
	}
}

// take removes the next batch of what is to be sent, equal hints once.
func (p *Postgres) take() []hint {
	p.mu.Lock()
	defer p.mu.Unlock()
	var batch []hint
	if p.lost {
		p.lost = false
		batch = append(batch, hint{From: p.self})
	}
	seen := map[hint]bool{}
	n := 0
	for _, h := range p.pending {
		if len(batch) >= sendBatch {
			break
		}
		n++
		if !seen[h] {
			seen[h] = true
			batch = append(batch, h)
		}
	}
	p.pending = p.pending[n:]
	return batch
}

// maxPayload is the largest notification that PostgreSQL takes.
const maxPayload = 7999

func (p *Postgres) notify(ctx context.Context, batch []hint) error {
	b, err := json.Marshal(batch)
	if err != nil {
		return err
	}
	if len(b) > maxPayload && len(batch) > 1 {
		if err := p.notify(ctx, batch[:len(batch)/2]); err != nil {
			return err
		}
		return p.notify(ctx, batch[len(batch)/2:])
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	_, err = p.pool.Exec(ctx, `SELECT pg_notify($1, $2)`, p.channel, string(b))
	return err
}

// Subscribe implements Bus.
func (p *Postgres) Subscribe(topic string) *Subscription { return p.hub.subscribe(topic) }

// Close implements Bus. Hints that were not sent yet are lost to other servers.
func (p *Postgres) Close() error {
	p.stop()
	p.wg.Wait()
	p.hub.close()
	return nil
}
