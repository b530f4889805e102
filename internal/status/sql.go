package status

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

// lockMark makes the mark of a component, or locks and returns the one that is there.
func lockMark(ctx context.Context, tx *store.Tx, component string, minute int64, state State) (m mark, isNew bool, err error) {
	n, err := tx.Exec(ctx, `INSERT INTO status_marks (component, minute, state) VALUES ($1, $2, $3) ON CONFLICT (component) DO NOTHING`, component, minute, string(state))
	if err != nil || n == 1 {
		return mark{minute: minute, state: state}, n == 1, err
	}
	// PostgreSQL locks the row, on SQLite there is one writer.
	err = tx.QueryRow(ctx, `UPDATE status_marks SET component = component WHERE component = $1 RETURNING minute, state, down_from, incident_id`, component).
		Scan(&m.minute, &m.state, &m.downFrom, &m.incident)
	return m, false, err
}

func writeMark(ctx context.Context, tx *store.Tx, component string, m mark) error {
	_, err := tx.Exec(ctx, `UPDATE status_marks SET minute = $2, state = $3, down_from = $4, incident_id = $5 WHERE component = $1`,
		component, m.minute, string(m.state), m.downFrom, m.incident)
	return err
}

func addDay(ctx context.Context, tx *store.Tx, component, name string, d day) error {
	_, err := tx.Exec(ctx, `INSERT INTO status_days (component, day, operational, degraded, down, absent) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (component, day) DO UPDATE SET operational = status_days.operational + excluded.operational, degraded = status_days.degraded + excluded.degraded,
		down = status_days.down + excluded.down, absent = status_days.absent + excluded.absent`,
		component, name, d.operational, d.degraded, d.down, d.absent)
	return err
}

// prune removes days, and incidents that the server opened itself, from before a minute.
func prune(ctx context.Context, tx *store.Tx, minute int64) error {
	if _, err := tx.Exec(ctx, `DELETE FROM status_days WHERE day < $1`, dayOf(minute)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM status_incidents WHERE automatic AND resolved_at < $1`, minute*60_000)
	return err
}

// dayRow is a row of status_days.
type dayRow struct {
	component, day string
	sums           day
}

func readDays(ctx context.Context, q store.Q, from string) ([]dayRow, error) {
	return store.Collect(ctx, q, func(s store.Scanner) (r dayRow, err error) {
		return r, s.Scan(&r.component, &r.day, &r.sums.operational, &r.sums.degraded, &r.sums.down, &r.sums.absent)
	}, `SELECT component, day, operational, degraded, down, absent FROM status_days WHERE day >= $1`, from)
}

func readMarks(ctx context.Context, q store.Q) (map[string]mark, error) {
	type row struct {
		component string
		mark
	}
	rows, err := store.Collect(ctx, q, func(s store.Scanner) (r row, err error) {
		return r, s.Scan(&r.component, &r.minute, &r.state, &r.downFrom, &r.incident)
	}, `SELECT component, minute, state, down_from, incident_id FROM status_marks`)
	out := map[string]mark{}
	for _, r := range rows {
		out[r.component] = r.mark
	}
	return out, err
}

const incidentColumns = "id, name, status, impact, components, automatic, started_at, resolved_at, created_at, updated_at"

func scanIncident(s store.Scanner) (in Incident, err error) {
	var started, created, updated int64
	var resolved *int64
	if err := s.Scan(&in.ID, &in.Name, &in.Status, &in.Impact, store.JSON(&in.Components), &in.Automatic, &started, &resolved, &created, &updated); err != nil {
		return in, err
	}
	in.Started, in.Created, in.Updated = store.Time(started), store.Time(created), store.Time(updated)
	if resolved != nil {
		t := store.Time(*resolved)
		in.Resolved = &t
	}
	return in, nil
}

// millis is a time, or NULL.
func millis(t *time.Time) any {
	if t == nil {
		return nil
	}
	return store.Millis(*t)
}

// insertIncident writes an incident with its updates.
func insertIncident(ctx context.Context, tx *store.Tx, in Incident) error {
	_, err := tx.Exec(ctx, `INSERT INTO status_incidents (`+incidentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
		in.ID, in.Name, in.Status, in.Impact, store.JSON(in.Components), in.Automatic, store.Millis(in.Started), millis(in.Resolved), store.Millis(in.Created))
	if err != nil {
		return err
	}
	for _, u := range in.Updates {
		if err := insertUpdate(ctx, tx, in.ID, u); err != nil {
			return err
		}
	}
	return nil
}

func insertUpdate(ctx context.Context, tx *store.Tx, incident string, u Update) error {
	_, err := tx.Exec(ctx, `INSERT INTO status_updates (id, incident_id, status, body, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)`,
		u.ID, incident, u.Status, u.Body, store.Millis(u.Created))
	return err
}

func rewriteUpdate(ctx context.Context, tx *store.Tx, incident, id, body string, now time.Time) (int64, error) {
	return tx.Exec(ctx, `UPDATE status_updates SET body = $3, updated_at = $4 WHERE id = $2 AND incident_id = $1`, incident, id, body, store.Millis(now))
}

func saveIncident(ctx context.Context, tx *store.Tx, in Incident, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE status_incidents SET name = $2, status = $3, impact = $4, components = $5, resolved_at = $6, updated_at = $7 WHERE id = $1`,
		in.ID, in.Name, in.Status, in.Impact, store.JSON(in.Components), millis(in.Resolved), store.Millis(now))
	return err
}

func deleteIncident(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `DELETE FROM status_incidents WHERE id = $1`, id)
	return err
}

// lockIncident returns an incident without its updates, and keeps others from changing it; nil when there is none.
func lockIncident(ctx context.Context, tx *store.Tx, id string) (*Incident, error) {
	in, err := scanIncident(tx.QueryRow(ctx, `UPDATE status_incidents SET id = id WHERE id = $1 RETURNING `+incidentColumns, id))
	return found(in, err)
}

func getIncident(ctx context.Context, q store.Q, id string) (*Incident, error) {
	in, err := scanIncident(q.QueryRow(ctx, `SELECT `+incidentColumns+` FROM status_incidents WHERE id = $1`, id))
	return found(in, err)
}

func found(in Incident, err error) (*Incident, error) {
	if errors.Is(err, store.ErrNoRows) {
		return nil, nil //nolint:nilnil // there is none
	}
	return &in, err
}

func listIncidents(ctx context.Context, q store.Q, p store.Paging) ([]Incident, bool, error) {
	return store.Page(ctx, q, store.List{Columns: incidentColumns, From: "status_incidents", Where: "1 = 1", Time: "started_at"}, p, scanIncident)
}

// recentIncidents are those that go on, and those that began or ended since a time, the newest first.
func recentIncidents(ctx context.Context, q store.Q, since time.Time, most int) ([]Incident, error) {
	return store.Collect(ctx, q, scanIncident, `SELECT `+incidentColumns+` FROM status_incidents
		WHERE resolved_at IS NULL OR resolved_at >= $1 ORDER BY started_at DESC, id DESC LIMIT $2`, store.Millis(since), most)
}

// withUpdates fills in the updates of incidents.
func withUpdates(ctx context.Context, q store.Q, list []Incident) error {
	if len(list) == 0 {
		return nil
	}
	args, index := make([]any, len(list)), map[string]int{}
	for i := range list {
		args[i], index[list[i].ID], list[i].Updates = list[i].ID, i, []Update{}
	}
	type row struct {
		incident string
		Update
	}
	rows, err := store.Collect(ctx, q, func(s store.Scanner) (r row, err error) {
		var created, updated int64
		err = s.Scan(&r.incident, &r.ID, &r.Status, &r.Body, &created, &updated)
		r.Created, r.Updated = store.Time(created), store.Time(updated)
		return r, err
	}, `SELECT incident_id, id, status, body, created_at, updated_at FROM status_updates WHERE incident_id IN (`+store.Placeholders(1, len(list))+`) ORDER BY created_at DESC, id DESC`, args...)
	for _, r := range rows {
		list[index[r.incident]].Updates = append(list[index[r.incident]].Updates, r.Update)
	}
	return err
}
