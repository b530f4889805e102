package health

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
)

// Bounds at which a figure is worth a warning.
const (
	slowWrite    = 500 * time.Millisecond
	leastDisk    = 2 << 30   // bytes free; a pull needs more, and says so itself
	noDisk       = 200 << 20 // the database, its journal and logs fill this in a while
	longQueue    = 32        // requests that wait for one model
	lateJob      = 5 * time.Minute
	largeJournal = 256 << 20
)

func (s *Service) database(ctx context.Context, _ *Report) Check {
	c := Check{ID: "database"}
	f, err := s.o.DB.Measure(ctx)
	if err != nil {
		c.State, c.Code, c.Text = Failed, "database_away", "It does not answer: "+fault.Words(err)
		c.Advice = "Look whether the database runs and its disk has room; requests that need it get 503 until it answers."
		c.Values = map[string]any{"error": fault.Words(err)}
		return c
	}
	waiting, journal := s.o.DB.Stats().WriterWaiting, s.o.Journal()
	c.Values = map[string]any{
		"kind": string(s.o.DB.Dialect()), "version": f.Version, "size_bytes": f.Size, "wal_bytes": f.WAL, "read_ms": ms(f.Read), "write_ms": ms(f.Write), "migration": f.Migration,
		"writer_waiting": waiting, "journal_bytes": journal,
	}
	c.State, c.Code = OK, "database_ok"
	c.Text = fmt.Sprintf("%s %s, %s, tables %d; a read took %.2f ms, a write %.2f ms", s.o.DB.Dialect(), f.Version, gb(f.Size), f.Migration, ms(f.Read), ms(f.Write))
	if f.WAL > 0 {
		c.Text += fmt.Sprintf(", its log has %s", gb(f.WAL))
	}
	switch {
	case f.Write > slowWrite:
		c.State, c.Code, c.Advice = Warning, "database_slow", "Writes are slow: look at the disk, and at what else uses it."
	case f.WAL > store.LargeWAL:
		c.State, c.Code, c.Advice = Warning, "database_wal", "The log is not written back: something keeps reading the database file, such as a backup or another program."
	case journal > largeJournal:
		c.State, c.Code, c.Advice = Warning, "database_journal", "Rows of usage wait for the database: it cannot take them as fast as they come."
	}
	return c
}

func (s *Service) engines(ctx context.Context, r *Report) Check {
	c := Check{ID: "engines", State: OK, Code: "engines_ok"}
	r.Engines = s.list()
	broken := s.o.Pool.Probe(ctx)
	names := map[State][]string{}
	restarts, ready := 0, 0
	for i := range r.Engines {
		e := &r.Engines[i]
		if err := broken[e.Model]; err != nil {
			e.LastError = fault.Words(err)
		}
		restarts += e.Restarts
		switch {
		case e.State == string(engine.StateFailed), broken[e.Model] != nil:
			names[Failed] = append(names[Failed], e.Model)
		case e.Restarts > 0 && s.o.Clock.Now().Unix()-e.LastEnd < 3600:
			names[Warning] = append(names[Warning], e.Model)
			ready++
		case e.State == string(engine.StateReady):
			ready++
		}
	}
	chat := s.o.Chat()
	c.Values = map[string]any{"ready": ready, "restarts": restarts, "default": chat}
	c.Text = fmt.Sprintf("%d loaded; %s answers by default", ready, cmp.Or(chat, "no model"))
	switch {
	case chat == "":
		c.State, c.Code, c.Text = Failed, "engines_none", "No chat model is installed, and no remote server has one"
		c.Advice = "Pull a model (Models → Catalog, or `parley pull --defaults`), or configure a remote server."
	case len(names[Failed]) > 0:
		c.State, c.Code = Failed, "engines_failed"
		c.Values["models"] = names[Failed]
		c.Text = strings.Join(names[Failed], ", ") + " cannot answer: " + lastError(r.Engines, names[Failed][0])
		c.Advice = "Look at the last error; unload the model to have it loaded anew with the next request."
	case len(names[Warning]) > 0:
		c.State, c.Code = Warning, "engines_restarted"
		c.Values["models"] = names[Warning]
		c.Text = strings.Join(names[Warning], ", ") + " was started again within the last hour: " + lastError(r.Engines, names[Warning][0])
		c.Advice = "Its running requests were lost then. If it goes on, give it more memory or a smaller window (engine.context)."
	}
	return c
}

func lastError(list []Engine, model string) string {
	for _, e := range list {
		if e.Model == model && e.LastError != "" {
			return e.LastError
		}
	}
	return "no reason is known"
}

// list joins what the pool knows of each model.
func (s *Service) list() []Engine {
	out, at := []Engine{}, map[string]int{}
	for _, st := range s.o.Pool.Statuses() {
		at[st.Name] = len(out)
		out = append(out, Engine{Model: st.Name, State: string(st.State), Active: st.Active, Queued: st.Queued, Memory: st.Memory, LastError: st.Error})
	}
	leaving := s.o.Pool.Leaving()
	for _, name := range slices.Sorted(maps.Keys(leaving)) {
		if _, ok := at[name]; !ok {
			at[name] = len(out)
			out = append(out, Engine{Model: name, State: "unloading", Active: leaving[name]})
		}
	}
	for name, processes := range s.o.Pool.Processes() {
		i, ok := at[name]
		if !ok {
			continue
		}
		e := &out[i]
		for _, p := range processes {
			e.Restarts += p.Restarts
			if p.PID != 0 {
				e.PID, e.Since = p.PID, p.Since.Unix()
			}
			if !p.LastEnd.IsZero() && p.LastEnd.Unix() > e.LastEnd {
				e.LastEnd, e.LastError = p.LastEnd.Unix(), cmp.Or(e.LastError, p.LastError)
			}
		}
	}
	return out
}

func (s *Service) queues(context.Context, *Report) Check {
	c := Check{ID: "queues", State: OK, Code: "queues_ok"}
	active, queued, longest, name := 0, 0, 0, ""
	for _, st := range s.o.Pool.Statuses() {
		active, queued = active+st.Active, queued+st.Queued
		if st.Queued > longest {
			longest, name = st.Queued, st.Name
		}
	}
	c.Values = map[string]any{"active": active, "queued": queued, "longest": longest, "model": name}
	c.Text = fmt.Sprintf("%d requests run, %d wait", active, queued)
	if longest >= longQueue {
		c.State, c.Code = Warning, "queues_long"
		c.Text += fmt.Sprintf("; %d of them for %s", longest, name)
		c.Advice = "More is asked than this machine computes: lower the limits of organizations, add a server, or serve a smaller model. limits.queue_length bounds the queue."
	}
	return c
}

func (s *Service) jobs(ctx context.Context, _ *Report) Check {
	c := Check{ID: "jobs", State: OK, Code: "jobs_ok"}
	n, err := s.o.Jobs.Count(ctx)
	if err != nil {
		c.State, c.Code, c.Text, c.Values = Failed, "jobs_away", "They cannot be read: "+fault.Words(err), map[string]any{"error": fault.Words(err)}
		c.Advice = "See the database."
		return c
	}
	late := time.Duration(0)
	if !n.Oldest.IsZero() {
		late = max(0, time.Since(n.Oldest))
	}
	c.Values = map[string]any{"waiting": n.Waiting, "running": n.Running, "scheduled": n.Scheduled, "retrying": n.Retrying, "failed": n.Failed, "oldest_seconds": int64(late.Seconds())}
	c.Text = describe(n)
	switch {
	case late > lateJob:
		c.State, c.Code = Warning, "jobs_late"
		c.Text += fmt.Sprintf("; the oldest has been due for %s", late.Round(time.Second))
		c.Advice = "Nothing works on them: look at the log for errors of jobs, and whether the server is overloaded."
	case n.Failed > 0:
		c.State, c.Code = Warning, "jobs_failed"
		c.Advice = "Look why, then try them again or discard them (Health → Jobs, or `parley admin jobs`). They are forgotten after a week."
	}
	return c
}

func describe(n jobs.Counts) string {
	return fmt.Sprintf("%d wait, %d run, %d are due later, %d are to be tried again, %d were given up", n.Waiting, n.Running, n.Scheduled, n.Retrying, n.Failed)
}

func (s *Service) disk(context.Context, *Report) Check {
	c := Check{ID: "disk", State: OK, Code: "disk_ok", Values: map[string]any{}}
	least := int64(-1)
	for _, dir := range s.o.Dirs {
		free, err := s.o.Free(dir)
		if err != nil {
			c.State, c.Code, c.Text = Failed, "disk_away", fmt.Sprintf("%s cannot be looked at: %v", dir, err)
			c.Values["dir"] = dir
			return c
		}
		if least < 0 || free < least {
			least, c.Values["dir"], c.Values["free_bytes"] = free, dir, free
		}
		if c.Text != "" {
			c.Text += "; "
		}
		c.Text += fmt.Sprintf("%s free in %s", gb(free), dir)
	}
	const advice = "Make room: remove models with their files (Models, or `parley remove --files`), or move the cache to a bigger disk."
	switch {
	case least < noDisk:
		c.State, c.Code, c.Advice = Failed, "disk_full", advice
	case least < leastDisk:
		c.State, c.Code, c.Advice = Warning, "disk_low", advice
	}
	return c
}

func (s *Service) memory(context.Context, *Report) Check {
	total, budget := s.o.Memory()
	used := int64(0)
	for _, st := range s.o.Pool.Statuses() {
		used += st.Memory
	}
	c := Check{ID: "memory", State: OK, Code: "memory_ok", Values: map[string]any{"total_bytes": total, "budget_bytes": budget, "used_bytes": used}}
	c.Text = fmt.Sprintf("models take %s", gb(used))
	if budget > 0 {
		c.Text += fmt.Sprintf(" of %s", gb(budget))
	}
	if total > 0 {
		c.Text += fmt.Sprintf("; the machine has %s", gb(total))
	}
	if budget > 0 && used > budget {
		c.State, c.Code = Warning, "memory_over"
		c.Advice = "A model takes more than was estimated: unload one, or raise engine.memory_budget."
	}
	return c
}

func (s *Service) servers(ctx context.Context, r *Report) Check {
	c := Check{ID: "servers", State: OK, Code: "servers_ok"}
	list, err := s.o.Servers.List(ctx)
	if err != nil {
		c.State, c.Code, c.Text, c.Values = Failed, "servers_away", "They cannot be read: "+fault.Words(err), map[string]any{"error": fault.Words(err)}
		c.Advice = "See the database."
		return c
	}
	versions := map[string]bool{}
	out := []Server{}
	for _, o := range list {
		out = append(out, Server{o.ID, o.Host, o.Version, o.Started.Unix(), o.Renewed.Unix(), o.Self})
		versions[o.Version] = true
	}
	r.Servers = out
	c.Values = map[string]any{"count": len(out), "version": s.o.Version}
	c.Text = fmt.Sprintf("%d on this database; this one is %s", len(out), s.o.Version)
	if len(out) == 1 {
		c.Text = "this one alone, " + s.o.Version
	}
	if len(versions) > 1 {
		c.State, c.Code = Warning, "servers_versions"
		c.Text += fmt.Sprintf("; they run %s", strings.Join(slices.Sorted(maps.Keys(versions)), ", "))
		c.Values["versions"] = slices.Sorted(maps.Keys(versions))
		c.Advice = "Fine while they are replaced one by one; bring all to the newest then."
	}
	return c
}

func (s *Service) redis(ctx context.Context, _ *Report) Check {
	c := Check{ID: "redis", State: Off, Code: "redis_off", Text: "not configured: each server counts limits for itself"}
	if s.o.Redis == nil {
		return c
	}
	begin := time.Now()
	if err := s.o.Redis.Ping(ctx); err != nil {
		c.State, c.Code, c.Text, c.Values = Failed, "redis_away", "It does not answer: "+fault.Words(err), map[string]any{"error": fault.Words(err)}
		c.Advice = "Limits are counted by each server for itself, or limited requests refused (redis.away), until it answers."
		return c
	}
	took := time.Since(begin)
	c.State, c.Code, c.Text, c.Values = OK, "redis_ok", fmt.Sprintf("answers in %.1f ms", ms(took)), map[string]any{"ms": ms(took)}
	return c
}

func (s *Service) mail(ctx context.Context, _ *Report) Check {
	c := Check{ID: "mail", State: Off, Code: "mail_off", Text: "not configured: invitations and links are shown instead of sent"}
	m, err := s.o.Mail(ctx)
	if err != nil {
		c.State, c.Code, c.Text, c.Values = Failed, "mail_away", "It cannot be told: "+fault.Words(err), map[string]any{"error": fault.Words(err)}
		return c
	}
	if !m.Configured {
		return c
	}
	c.State, c.Code, c.Text = OK, "mail_ok", fmt.Sprintf("%s; %d mails wait", m.Server, m.Queued)
	c.Values = map[string]any{"server": m.Server, "queued": m.Queued, "failed": m.Failed, "error": m.LastError}
	if m.Failed > 0 {
		c.State, c.Code = Warning, "mail_failed"
		c.Text += fmt.Sprintf(", %d of the last 30 days were given up", m.Failed)
		if m.LastError != "" {
			c.Text += ": " + m.LastError
		}
		c.Advice = "Look at the list of mails (Settings → Mail, GET /admin/mail) and send a test mail."
	}
	return c
}

func (s *Service) bodies(context.Context, *Report) Check {
	b := s.o.Bodies()
	c := Check{ID: "bodies", State: OK, Code: "bodies_ok", Values: map[string]any{"days": b.Days, "waiting_bytes": b.Waiting, "kept": b.Kept, "dropped": b.Dropped}}
	c.Text = fmt.Sprintf("requests are kept for %d days; %d since the start, %s wait", b.Days, b.Kept, gb(b.Waiting))
	if b.Days == 0 {
		c.Code, c.Text = "bodies_off", "requests are not kept unless an organization says so"
	}
	if b.Dropped > 0 {
		c.State, c.Code = Warning, "bodies_dropped"
		c.Text = fmt.Sprintf("%d requests since the start were not kept: there was no room for them, or they could not be written", b.Dropped)
		c.Advice = "Look whether the database takes writes and its disk has room. The requests themselves were answered."
	}
	return c
}

func (s *Service) components(ctx context.Context, _ *Report) Check {
	c := Check{ID: "status", State: OK, Code: "status_ok", Text: "all components are operational"}
	bad := []string{}
	for _, o := range s.o.Status(ctx) {
		if o.State == "operational" || o.State == "" {
			continue
		}
		bad = append(bad, fmt.Sprintf("%s is %s (%s)", o.ID, o.State, o.Why))
		if c.State == OK {
			c.State = Warning
		}
		if o.State == "down" {
			c.State = Failed
		}
	}
	c.Values = map[string]any{"components": bad}
	if len(bad) > 0 {
		c.Code, c.Text = "status_trouble", strings.Join(bad, "; ")
		c.Advice = "The status page shows it. Write what you know into its incident (Status, or `parley admin incidents`)."
	}
	return c
}
