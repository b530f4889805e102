package health

import (
	"context"
	"net/http"
	"strconv"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
)

// JobObject is a background job that failed.
type JobObject struct {
	Object      string `json:"object" enum:"job"`
	ID          string `json:"id"`
	Kind        string `json:"kind" doc:"What it does." example:"mail.send"`
	State       string `json:"state" enum:"waiting,running,scheduled,retrying,failed" doc:"retrying: due again by itself; failed: given up."`
	Args        string `json:"args" doc:"What it looks at: JSON with ids."`
	Attempt     int    `json:"attempt"`
	MaxAttempts int    `json:"max_attempts"`
	Error       string `json:"error" doc:"Of its last attempt."`
	CreatedAt   int64  `json:"created_at" doc:"Seconds since 1970."`
	DueAt       int64  `json:"due_at" doc:"When it is due, seconds since 1970."`
	EndedAt     *int64 `json:"ended_at" doc:"When it was given up, seconds since 1970; null otherwise."`
}

// OpenAPIName is the schema's name.
func (JobObject) OpenAPIName() string { return "Job" }

// mostJobs is how many failed jobs are shown: the newest.
const mostJobs = 100

// AdminRoutes are the operator's.
func (s *Service) AdminRoutes() []httpapi.Route {
	routes := []httpapi.Route{
		{Method: http.MethodGet, Path: "/admin/health", Op: "adminHealth", Out: Report{}, Handle: s.getHealth,
			Summary: "How this server is: each line ok, or what to do."},
		{Method: http.MethodGet, Path: "/admin/jobs", Op: "adminListJobs", Out: httpapi.List[JobObject]{}, Handle: s.listJobs,
			Summary: "Background jobs that failed: those that were given up, and those that are to be tried again. The newest 100."},
		{Method: http.MethodPost, Path: "/admin/jobs/{job}/retry", Op: "adminRetryJob", Out: JobObject{}, Handle: s.job("job.retried", s.o.Jobs.Retry),
			Summary: "Makes a job due at once."},
		{Method: http.MethodDelete, Path: "/admin/jobs/{job}", Op: "adminDiscardJob", Out: httpapi.Deleted{}, Handle: s.discardJob,
			Summary: "Discards a job for good."},
	}
	for i := range routes {
		routes[i].Tag, routes[i].Scope = "Admin", actor.Operate
	}
	return routes
}

func (s *Service) getHealth(w http.ResponseWriter, r *http.Request) error {
	return httpapi.JSON(w, http.StatusOK, s.Report(r.Context()))
}

func jobObject(j jobs.Row) JobObject {
	o := JobObject{
		Object: "job", ID: strconv.FormatInt(j.ID, 10), Kind: j.Kind, State: j.State, Args: j.Args, Attempt: j.Attempt, MaxAttempts: j.MaxAttempts, Error: j.Error,
		CreatedAt: j.Created.Unix(), DueAt: j.Due.Unix(),
	}
	if !j.Ended.IsZero() {
		at := j.Ended.Unix()
		o.EndedAt = &at
	}
	return o
}

func (s *Service) listJobs(w http.ResponseWriter, r *http.Request) error {
	rows, err := s.o.Jobs.Troubled(r.Context(), mostJobs)
	if err != nil {
		return err
	}
	out := make([]JobObject, len(rows))
	for i, j := range rows {
		out[i] = jobObject(j)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, len(out) == mostJobs, func(j JobObject) string { return j.ID }))
}

// act does something to the job of a path, with a line in the audit log.
func (s *Service) act(r *http.Request, what string, do func(ctx context.Context, tx *store.Tx, id int64) (jobs.Row, error)) (out jobs.Row, err error) {
	text := r.PathValue("job")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return out, fault.New(fault.NotFound, "No job `%s` is known.", text[:min(len(text), 100)]).WithCode("job_not_found")
	}
	ctx := r.Context()
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		if out, err = do(ctx, tx, id); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, httpapi.ActorOf(ctx), audit.Event{Type: what, Object: text, Before: map[string]string{"kind": out.Kind, "args": out.Args}})
	})
	return out, err
}

func (s *Service) job(what string, do func(ctx context.Context, tx *store.Tx, id int64) (jobs.Row, error)) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		j, err := s.act(r, what, do)
		if err != nil {
			return err
		}
		return httpapi.JSON(w, http.StatusOK, jobObject(j))
	}
}

func (s *Service) discardJob(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.act(r, "job.discarded", s.o.Jobs.Discard); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: r.PathValue("job"), Object: "job.deleted", Deleted: true})
}
