package thread

import (
	"net/http"
	"slices"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

// runRoutes look at runs and steps, and change metadata; package assistants/runs has those that make runs and go on with them.
func (s *Service) runRoutes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: "/v1/threads/{thread_id}/runs", Op: "listRuns", Tag: "Assistants",
			Summary: "Lists the runs of a thread, the newest first.", Doc: shapes,
			Query: httpapi.PageQuery{}, Out: httpapi.List[wire.RunV2]{}, Scope: actor.AssistantsRead, Handle: s.listRuns,
		},
		{
			Method: http.MethodGet, Path: "/v1/threads/{thread_id}/runs/{run_id}", Op: "getRun", Tag: "Assistants",
			Summary: "Returns a run.", Doc: shapes,
			Out: wire.RunV2{}, Scope: actor.AssistantsRead, Handle: s.getRun,
		},
		{
			Method: http.MethodPost, Path: "/v1/threads/{thread_id}/runs/{run_id}", Op: "modifyRun", Tag: "Assistants",
			Summary: "Changes a run's metadata.", Doc: shapes,
			In: wire.MetadataChange{}, Out: wire.RunV2{}, Scope: actor.AssistantsWrite, Handle: s.patchRun,
		},
		{
			Method: http.MethodGet, Path: "/v1/threads/{thread_id}/runs/{run_id}/steps", Op: "listRunSteps", Tag: "Assistants",
			Summary: "Lists the steps of a run, the newest first.", Doc: shapes,
			Query: StepsQuery{}, Out: httpapi.List[wire.Step]{}, Scope: actor.AssistantsRead, Handle: s.listSteps,
		},
		{
			Method: http.MethodGet, Path: "/v1/threads/{thread_id}/runs/{run_id}/steps/{step_id}", Op: "getRunStep", Tag: "Assistants",
			Summary: "Returns a step of a run.", Doc: shapes,
			Query: StepQuery{}, Out: wire.Step{}, Scope: actor.AssistantsRead, Handle: s.getStep,
		},
	}
}

// StepQuery are the parameters of a step.
type StepQuery struct {
	Include []string `query:"include" doc:"step_details.tool_calls[*].file_search.results[*].content shows what searches found."`
}

// StepsQuery are the parameters of a list of steps.
type StepsQuery struct {
	httpapi.PageQuery
	StepQuery
}

// content reads whether the passages of searches are asked for.
func content(r *http.Request) (bool, error) {
	q, err := httpapi.Query[StepQuery](r)
	if err != nil {
		return false, err
	}
	for _, word := range q.Include {
		if err := httpapi.OneOf("include", word, wire.IncludeContent); err != nil {
			return false, err
		}
	}
	return slices.Contains(q.Include, wire.IncludeContent), nil
}

func (s *Service) listRuns(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	p, err := paging(r)
	if err != nil {
		return err
	}
	runs, more, err := s.Runs(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), p)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, wire.List(runs, more, func(r object.Run) string { return r.ID }, v.Run))
}

func (s *Service) getRun(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	run, err := s.GetRun(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), r.PathValue("run_id"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Run(run))
}

func (s *Service) patchRun(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	in, err := wire.Decode[wire.MetadataChange](w, r)
	if err != nil {
		return err
	}
	run, err := s.SetRunMetadata(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), r.PathValue("run_id"), object.Metadata(in.Metadata))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Run(run))
}

func (s *Service) listSteps(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	p, err := paging(r)
	if err != nil {
		return err
	}
	full, err := content(r)
	if err != nil {
		return err
	}
	steps, more, err := s.RunSteps(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), r.PathValue("run_id"), p)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, wire.List(steps, more, func(t object.Step) string { return t.ID }, func(t object.Step) any { return v.Step(t, full) }))
}

func (s *Service) getStep(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	full, err := content(r)
	if err != nil {
		return err
	}
	t, err := s.GetStep(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), r.PathValue("run_id"), r.PathValue("step_id"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Step(t, full))
}
