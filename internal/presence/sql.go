package presence

import (
	"context"

	"github.com/parley-ai/parley/internal/store"
)

func (s *Servers) join(ctx context.Context) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM servers WHERE home = $1`, s.home); err != nil {
			return err
		}
		return s.insert(ctx, tx)
	})
}

func (s *Servers) insert(ctx context.Context, tx *store.Tx) error {
	now := s.clock.Now()
	_, err := tx.Exec(ctx, `INSERT INTO servers (id, home, started_at, expires_at, host, version) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at`,
		s.id, s.home, store.Millis(now), store.Millis(now.Add(ttl)), s.host, s.ver)
	return err
}

// renew moves the lease's end on and removes the leases of the dead. lost says that ours had ended.
func (s *Servers) renew(ctx context.Context) (lost bool, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		now := s.clock.Now()
		n, err := tx.Exec(ctx, `UPDATE servers SET expires_at = $2 WHERE id = $1 AND expires_at > $3`, s.id, store.Millis(now.Add(ttl)), store.Millis(now))
		if err != nil {
			return err
		}
		if lost = n == 0; lost {
			if err := s.insert(ctx, tx); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `DELETE FROM servers WHERE expires_at <= $1`, store.Millis(now))
		return err
	})
	return lost && err == nil, err
}

// Alive returns the ids of the servers that live, this one among them. Read the rows that are owned
// before it, in the same transaction or not: an owner joins before it owns.
func (s *Servers) Alive(ctx context.Context, q store.Q) (map[string]bool, error) {
	found, err := store.Collect(ctx, q, func(row store.Scanner) (id string, err error) { return id, row.Scan(&id) },
		`SELECT id FROM servers WHERE expires_at > $1`, store.Millis(s.clock.Now()))
	if err != nil {
		return nil, err
	}
	alive := map[string]bool{s.id: true}
	for _, id := range found {
		alive[id] = true
	}
	return alive, nil
}

func (s *Servers) leave(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `DELETE FROM servers WHERE id = $1`, s.id)
	return err
}

// List returns the servers that live, the oldest first.
func (s *Servers) List(ctx context.Context) ([]Server, error) {
	return store.Collect(ctx, s.db.Read(), func(row store.Scanner) (o Server, err error) {
		var started, expires int64
		err = row.Scan(&o.ID, &o.Host, &o.Version, &started, &expires)
		o.Started, o.Renewed, o.Self = store.Time(started), store.Time(expires).Add(-ttl), o.ID == s.id
		return o, err
	}, `SELECT id, host, version, started_at, expires_at FROM servers WHERE expires_at > $1 ORDER BY started_at, id`, store.Millis(s.clock.Now()))
}
