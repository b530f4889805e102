package calendar

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/models"
)

// Entry is one name of the calendar.
type Entry struct {
	Object string `json:"object" enum:"calendar_entry" doc:"Always calendar_entry."`
	models.Entry
}

// OpenAPIName is the schema's name.
func (Entry) OpenAPIName() string { return "CalendarEntry" }

// Removed says that a change was taken back.
type Removed struct {
	Object  string `json:"object" enum:"calendar_entry.deleted"`
	Name    string `json:"name"`
	Deleted bool   `json:"deleted"`
}

// OpenAPIName is the schema's name.
func (Removed) OpenAPIName() string { return "CalendarEntryRemoved" }

// Routes returns the operations of an organization on its own view.
func (s *Service) Routes() []httpapi.Route {
	own := func(r *http.Request) (string, error) { return httpapi.ActorOf(r.Context()).Org, nil }
	return s.routes("/api/calendar", "", "Models", actor.ModelsRead, actor.ModelsWrite, own)
}

// AdminRoutes returns the operator's operations, for all organizations or for the one that of finds in a request.
func (s *Service) AdminRoutes(of func(*http.Request) (string, error)) []httpapi.Route {
	return s.routes("/admin/calendar", "admin", "Admin", actor.Operate, actor.Operate, of)
}

// routes are the three operations below a path; of says which organization a request is about.
func (s *Service) routes(path, op, tag, read, write string, of func(*http.Request) (string, error)) []httpapi.Route {
	name := func(words string) string {
		if op == "" {
			return words
		}
		return op + string(words[0]-'a'+'A') + words[1:]
	}
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: path, Op: name("listCalendar"), Tag: tag, Out: httpapi.List[Entry]{}, Scope: read,
			Summary: "The names that programs ask for, with their snapshots, ends, windows and prices.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				org, err := of(r)
				if err != nil {
					return err
				}
				rows := s.List(actor.Actor{Org: org})
				out := make([]Entry, len(rows))
				for i, row := range rows {
					out[i] = entryObject(row)
				}
				return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, false, func(e Entry) string { return e.Name }))
			},
		},
		{
			Method: http.MethodPut, Path: path + "/{model...}", Op: name("setCalendarEntry"), Tag: tag, In: models.Alias{}, Out: Entry{}, Scope: write,
			Summary: "Changes a name's entry; what is left out stays what the table says. It replaces an earlier change.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				org, err := of(r)
				if err != nil {
					return err
				}
				in, err := httpapi.Decode[models.Alias](w, r, httpapi.Strict)
				if err != nil {
					return err
				}
				if model := r.PathValue("model"); in.Name != "" && in.Name != model {
					return fault.Param("name", "The path names `%s` and the body `%s`: leave the name out of the body.", clip(model), clip(in.Name))
				}
				in.Name = r.PathValue("model")
				if err := s.Set(r.Context(), httpapi.ActorOf(r.Context()), org, in); err != nil {
					return err
				}
				row, err := s.Get(actor.Actor{Org: org}, in.Name)
				if err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, entryObject(row))
			},
		},
		{
			Method: http.MethodDelete, Path: path + "/{model...}", Op: name("resetCalendarEntry"), Tag: tag, Out: Removed{}, Scope: write,
			Summary: "Takes the change of a name's entry back.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				org, err := of(r)
				if err != nil {
					return err
				}
				model := r.PathValue("model")
				if err := s.Reset(r.Context(), httpapi.ActorOf(r.Context()), org, model); err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, Removed{Object: "calendar_entry.deleted", Name: model, Deleted: true})
			},
		},
	}
}

func entryObject(e models.Entry) Entry { return Entry{Object: "calendar_entry", Entry: e} }
