package interpreter

import (
	"context"
	"database/sql"
	"errors"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/store"
)

const ofOwner = "org_id = $1 AND project_id = $2 AND owner = $3"

// newest returns the id of the owner's newest session, and whether there is one.
func (s *Service) newest(ctx context.Context, o owner) (id string, found bool, err error) {
	err = s.db.Read().QueryRow(ctx, `SELECT id FROM interpreter_sessions WHERE `+ofOwner+` ORDER BY started_at DESC, id DESC LIMIT 1`, o.org, o.project, o.key).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return id, err == nil, err
}

func (s *Service) insertSession(ctx context.Context, id string, o owner) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		// Never before an earlier one of the owner: the newest is by time.
		_, err := tx.Exec(ctx, `INSERT INTO interpreter_sessions (id, org_id, project_id, owner, server_id, runs, millis, started_at, ended_at, why)
			VALUES ($1, $2, $3, $4, $5, 0, 0, (SELECT CASE WHEN COALESCE(MAX(started_at), 0) >= $6 THEN MAX(started_at) + 1 ELSE $6 END FROM interpreter_sessions
				WHERE org_id = $2 AND project_id = $3 AND owner = $4), 0, '')`, id, o.org, o.project, o.key, s.servers.ID(), store.Millis(s.clock.Now()))
		return err
	})
}

// addRun counts a run of code.
func (s *Service) addRun(ctx context.Context, id string, millis int64) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE interpreter_sessions SET runs = runs + 1, millis = millis + $2 WHERE id = $1`, id, millis)
		return err
	})
}

func (s *Service) endSession(ctx context.Context, id, why string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE interpreter_sessions SET ended_at = $2, why = $3 WHERE id = $1 AND ended_at = 0`, id, store.Millis(s.clock.Now()), why)
		return err
	})
}

// endKilled notes the end of sessions whose server does not live.
func (s *Service) endKilled(ctx context.Context, alive map[string]bool) error {
	rows, err := s.db.Read().Query(ctx, `SELECT id, server_id FROM interpreter_sessions WHERE ended_at = 0`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var dead []string
	for rows.Next() {
		var id, server string
		if err := rows.Scan(&id, &server); err != nil {
			return err
		}
		if !alive[server] && server != s.servers.ID() {
			dead = append(dead, id)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, id := range dead {
		if err := s.endSession(ctx, id, "killed"); err != nil {
			return err
		}
	}
	return nil
}

// place is a file under a path.
type place struct {
	path   string
	fileID string
	given  bool
	source string // the attached file that lay there first; empty: code made it
}

// places returns what an owner's sessions have in /mnt/data, the oldest first.
func (s *Service) places(ctx context.Context, q store.Q, o owner) ([]place, error) {
	rows, err := q.Query(ctx, `SELECT path, file_id, given, source_id FROM interpreter_files WHERE `+ofOwner+` ORDER BY updated_at, path`, o.org, o.project, o.key)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []place
	for rows.Next() {
		var p place
		var given int64
		if err := rows.Scan(&p.path, &p.fileID, &given, &p.source); err != nil {
			return nil, err
		}
		p.given = given != 0
		out = append(out, p)
	}
	return out, rows.Err()
}

// putPlace says which file lies under a path now; where one lay before, its source stays.
func (s *Service) putPlace(ctx context.Context, tx *store.Tx, o owner, p place) error {
	given := 0
	if p.given {
		given = 1
	}
	_, err := tx.Exec(ctx, `INSERT INTO interpreter_files (org_id, project_id, owner, path, file_id, given, updated_at, source_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (org_id, project_id, owner, path) DO UPDATE SET file_id = excluded.file_id, given = excluded.given, updated_at = excluded.updated_at`,
		o.org, o.project, o.key, p.path, p.fileID, given, store.Millis(s.clock.Now()), p.source)
	return err
}

// dropPlace forgets a path: the code has removed what lay there, or its file was deleted.
func (s *Service) dropPlace(ctx context.Context, o owner, path string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM interpreter_files WHERE `+ofOwner+` AND path = $4`, o.org, o.project, o.key, path)
		return err
	})
}

// FileDeleted is the hook of package files: what was deleted is in no session that is made anew.
func (s *Service) FileDeleted(ctx context.Context, tx *store.Tx, fileID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM interpreter_files WHERE file_id = $1`, fileID)
	return err
}

// OwnerDeleted is the hook of what owns sessions, in the transaction that deletes it: the session ends, its files stay the project's.
func (s *Service) OwnerDeleted(ctx context.Context, tx *store.Tx, who actor.Actor, key string) error {
	_, err := tx.Exec(ctx, `DELETE FROM interpreter_files WHERE `+ofOwner, who.Org, who.Project, key)
	if err == nil {
		tx.AfterCommit(func() {
			go func() {
				if err := s.End(context.WithoutCancel(ctx), who, key); err != nil {
					s.log.Error("interpreter: a session was not ended", "owner", key, "error", err)
				}
			}()
		})
	}
	return err
}
