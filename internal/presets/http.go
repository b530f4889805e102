package presets

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

// maxBody bounds a body, in bytes: settings and the rest.
const maxBody = maxSettings + 64<<10

// Routes returns the package's operations.
func (s *Service) Routes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: "/api/presets", Op: "listPresets", Tag: "Playground",
			Summary: "Lists your presets and those that your organization shares, the last changed first, without their settings.",
			Query:   ListQuery{}, Out: httpapi.List[Object]{}, Scope: actor.ChatsRead, Handle: s.listPresets,
		},
		{
			Method: http.MethodPost, Path: "/api/presets", Op: "createPreset", Tag: "Playground",
			Summary: "Keeps a preset of the playground.",
			In:      Create{}, Out: Detail{}, Scope: actor.ChatsWrite, MaxBody: maxBody, Handle: s.create,
		},
		{
			Method: http.MethodGet, Path: "/api/presets/{preset_id}", Op: "getPreset", Tag: "Playground",
			Summary: "Returns a preset with its settings.",
			Out:     Detail{}, Scope: actor.ChatsRead, Handle: s.get,
		},
		{
			Method: http.MethodPatch, Path: "/api/presets/{preset_id}", Op: "updatePreset", Tag: "Playground",
			Summary: "Changes a preset of your own: its name, its settings, whether it is shared.",
			In:      Update{}, Out: Detail{}, Scope: actor.ChatsWrite, MaxBody: maxBody, Handle: s.change,
		},
		{
			Method: http.MethodDelete, Path: "/api/presets/{preset_id}", Op: "deletePreset", Tag: "Playground",
			Summary: "Deletes a preset: your own, or as owner or admin of the organization any that is shared.",
			Out:     Deleted{}, Scope: actor.ChatsWrite, Handle: s.remove,
		},
	}
}

// ListQuery are the parameters of GET /api/presets.
type ListQuery struct {
	Limit *int   `query:"limit" doc:"How many presets to return." min:"1" max:"100" default:"20"`
	After string `query:"after" doc:"Id of the last preset of the page before."`
}

// Object is a preset without its settings.
type Object struct {
	ID        string `json:"id" example:"preset_8Abc"`
	Object    string `json:"object" doc:"Always preset." enum:"preset"`
	Name      string `json:"name"`
	Mode      string `json:"mode" doc:"The playground's mode." enum:"chat,complete,edit"`
	Shared    bool   `json:"shared" doc:"Whether the whole organization sees it."`
	OwnerID   string `json:"owner_id" doc:"Whose it is: a user, or a service account."`
	Own       bool   `json:"own" doc:"Whether it is yours, and you can change it."`
	CreatedAt int64  `json:"created_at" doc:"Seconds since 1970."`
	UpdatedAt int64  `json:"updated_at" doc:"Seconds since 1970."`
}

// Detail is a preset with its settings.
type Detail struct {
	Object
	Settings Settings `json:"settings" doc:"An object that the playground wrote: texts and parameters."`
}

// Settings are an object that only the playground reads.
type Settings struct{ jsontext.Value }

// OpenAPISchema implements openapi's hook.
func (Settings) OpenAPISchema() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": true}
}

// Create is the body of POST /api/presets.
type Create struct {
	Name     *string  `json:"name" doc:"At most 100 characters." example:"Grammar correction"`
	Mode     *string  `json:"mode" enum:"chat,complete,edit"`
	Settings Settings `json:"settings" doc:"At most 512 KiB. No secrets: whoever sees the preset sees them."`
	Shared   *bool    `json:"shared,omitzero" doc:"Let the whole organization see it." default:"false"`
}

// Update is the body of PATCH /api/presets/{preset_id}.
type Update struct {
	Name     *string  `json:"name,omitzero" doc:"At most 100 characters."`
	Mode     *string  `json:"mode,omitzero" enum:"chat,complete,edit"`
	Settings Settings `json:"settings,omitzero" doc:"Instead of what was kept."`
	Shared   *bool    `json:"shared,omitzero" doc:"Let the whole organization see it."`
}

// Deleted says that a preset is gone.
type Deleted struct {
	ID      string `json:"id"`
	Object  string `json:"object" doc:"Always preset.deleted." enum:"preset.deleted"`
	Deleted bool   `json:"deleted"`
}

// OpenAPIName implements openapi's hook.
func (Object) OpenAPIName() string { return "Preset" }

// OpenAPIName implements openapi's hook.
func (Detail) OpenAPIName() string { return "PresetDetail" }

// OpenAPIName implements openapi's hook.
func (Create) OpenAPIName() string { return "CreatePreset" }

// OpenAPIName implements openapi's hook.
func (Update) OpenAPIName() string { return "UpdatePreset" }

// OpenAPIName implements openapi's hook.
func (Deleted) OpenAPIName() string { return "PresetDeleted" }

func object(p Preset, who actor.Actor) Object {
	return Object{
		ID: p.ID, Object: "preset", Name: p.Name, Mode: p.Mode, Shared: p.Shared, OwnerID: p.Owner, Own: p.Owner == owner(who),
		CreatedAt: p.Created.Unix(), UpdatedAt: p.Updated.Unix(),
	}
}

func (s *Service) listPresets(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[ListQuery](r)
	if err != nil {
		return err
	}
	if err := httpapi.Range("limit", q.Limit, 1, httpapi.MaxPageSize); err != nil {
		return err
	}
	p := store.Paging{After: q.After}
	if q.Limit != nil {
		p.Limit = *q.Limit
	}
	who := httpapi.ActorOf(r.Context())
	list, more, err := s.List(r.Context(), who, p)
	if err != nil {
		return err
	}
	out := make([]Object, len(list))
	for i, p := range list {
		out[i] = object(p, who)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(o Object) string { return o.ID }))
}

func (s *Service) create(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[Create](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	p, err := s.Create(r.Context(), httpapi.ActorOf(r.Context()), Change{Name: in.Name, Mode: in.Mode, Settings: in.Settings.Value, Shared: in.Shared})
	return reply(w, r, p, err)
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) error {
	p, err := s.Get(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("preset_id"))
	return reply(w, r, p, err)
}

func (s *Service) change(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[Update](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	p, err := s.Update(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("preset_id"),
		Change{Name: in.Name, Mode: in.Mode, Settings: in.Settings.Value, Shared: in.Shared})
	return reply(w, r, p, err)
}

func reply(w http.ResponseWriter, r *http.Request, p Preset, err error) error {
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, Detail{Object: object(p, httpapi.ActorOf(r.Context())), Settings: Settings{p.Settings}})
}

func (s *Service) remove(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("preset_id")
	if err := s.Delete(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, Deleted{ID: id, Object: "preset.deleted", Deleted: true})
}
