package identity

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// UpdateKeyRequest changes an API key; what is left out stays.
type UpdateKeyRequest struct {
	Name        *string           `json:"name,omitempty" doc:"What the key is for, in your words." max:"100"`
	Permission  string            `json:"permission,omitempty" enum:"all,read_only,restricted" doc:"What the key may do; restricted: what permissions or scopes say."`
	Permissions map[string]string `json:"permissions,omitempty" doc:"none, read or write (which includes read) by group, as when a key is made. Groups that are left out are none."`
	Scopes      []string          `json:"scopes,omitempty" doc:"What the key may do, such as chat.write."`
	Models      modelsOrAll       `json:"models,omitzero" doc:"The models that the key may ask for; null: all that you may."`
	TrackUsage  *bool             `json:"track_usage,omitempty" doc:"Count its usage apart."`
	ExpiresAt   timeOrNever       `json:"expires_at,omitzero" doc:"When it stops, in seconds since 1970; null: never."`
}

// OpenAPIName is the schema's name.
func (UpdateKeyRequest) OpenAPIName() string { return "UpdateKey" }

// modelsOrAll is left out, null, or a list.
type modelsOrAll struct{ to *[]string }

// OpenAPISchema is the schema.
func (modelsOrAll) OpenAPISchema() map[string]any {
	return map[string]any{"type": []string{"array", "null"}, "items": map[string]any{"type": "string"}}
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (m *modelsOrAll) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	m.to = new([]string)
	return json.UnmarshalDecode(dec, m.to)
}

// timeOrNever is left out, null, or seconds since 1970.
type timeOrNever struct{ to **int64 }

// OpenAPISchema is the schema.
func (timeOrNever) OpenAPISchema() map[string]any {
	return map[string]any{"type": []string{"integer", "null"}}
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (t *timeOrNever) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	t.to = new(*int64)
	return json.UnmarshalDecode(dec, t.to)
}

// change returns what is asked for.
func (in UpdateKeyRequest) change() (KeyChange, error) {
	out := KeyChange{Name: in.Name, Track: in.TrackUsage}
	if in.Permission != "" || len(in.Permissions) > 0 || len(in.Scopes) > 0 {
		k, err := CreateKeyRequest{Permission: in.Permission, Permissions: in.Permissions, Scopes: in.Scopes}.key()
		if err != nil {
			return out, err
		}
		if out.Scopes = k.Scopes; out.Scopes == nil {
			out.Scopes = []string{actor.All}
		}
	}
	if in.Models.to != nil {
		models := in.Models.to
		if *models == nil {
			models = nil
		}
		out.Models = &models
	}
	if in.ExpiresAt.to != nil {
		var at *time.Time
		if seconds := *in.ExpiresAt.to; seconds != nil {
			if *seconds < 0 || *seconds > maxTime {
				return out, fault.Param("expires_at", "Invalid 'expires_at': expected seconds since 1970.").WithCode("invalid_value")
			}
			t := time.Unix(*seconds, 0)
			at = &t
		}
		out.Expires = &at
	}
	return out, nil
}

// keyRoutes are those of one key.
func (s *Service) keyRoutes() []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/api/keys/{key}", Op: "getKey", Tag: "API keys", Summary: "One API key.",
			Out: APIKey{}, Scope: actor.KeysRead, Handle: s.getKey},
		{Method: http.MethodPost, Path: "/api/keys/{key}", Op: "updateKey", Tag: "API keys", Summary: "Changes an API key: its name, what it may do, when it stops.",
			Doc: "In force within a second on every server.",
			In:  UpdateKeyRequest{}, Out: APIKey{}, Scope: actor.KeysWrite, MaxBody: 64 << 10, Handle: s.postKeyChange},
	}
}

func (s *Service) getKey(w http.ResponseWriter, r *http.Request) error {
	k, err := s.APIKey(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("key"))
	return answer(w, k, err, func(k Key) APIKey { return apiKeyObject(k, "") })
}

func (s *Service) postKeyChange(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[UpdateKeyRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	change, err := in.change()
	if err != nil {
		return err
	}
	k, err := s.UpdateKey(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("key"), change)
	return answer(w, k, err, func(k Key) APIKey { return apiKeyObject(k, "") })
}
