package usage

import (
	"net/http"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
)

// KeepingObject is how long usage is kept.
type KeepingObject struct {
	Object       string `json:"object" enum:"usage.retention" doc:"Always usage.retention."`
	Requests     int    `json:"requests_days" doc:"For how many days single requests are kept, and sums by end user; 0 is for good."`
	Minutes      int    `json:"minutes_days" doc:"For how many days sums by minute are kept; 0 is for good. Those by hour and day always are."`
	RequestsFrom *int64 `json:"requests_from" doc:"Single requests that ended before are gone or about to go; null when none are."`
	MinutesFrom  *int64 `json:"minutes_from" doc:"The same of sums by minute."`
}

// OpenAPIName is the schema's name.
func (KeepingObject) OpenAPIName() string { return "UsageRetention" }

// KeepingRequest changes it; what is left out stays as it was.
type KeepingRequest struct {
	Requests *int `json:"requests_days,omitempty" min:"0" max:"36500" doc:"For how many days single requests are kept, and sums by end user; 0 is for good."`
	Minutes  *int `json:"minutes_days,omitempty" min:"0" max:"36500" doc:"For how many days sums by minute are kept; 0 is for good."`
}

// OpenAPIName is the schema's name.
func (KeepingRequest) OpenAPIName() string { return "UsageRetentionRequest" }

// AdminRoutes are the operator's.
func (l *Log) AdminRoutes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: "/admin/usage/retention", Op: "adminGetUsageRetention", Tag: "Admin", Out: KeepingObject{}, Scope: actor.Operate,
			Summary: "How long usage is kept.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				k, err := l.Keeping(r.Context())
				if err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, keepingObject(k))
			},
		},
		{
			Method: http.MethodPut, Path: "/admin/usage/retention", Op: "adminSetUsageRetention", Tag: "Admin", In: KeepingRequest{}, Out: KeepingObject{}, Scope: actor.Operate,
			Summary: "Changes how long usage of all organizations is kept. What is older is deleted within a minute.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				in, err := httpapi.Decode[KeepingRequest](w, r, httpapi.Strict)
				if err != nil {
					return err
				}
				k, err := l.Keeping(r.Context())
				if err != nil {
					return err
				}
				for _, f := range []struct{ given, to *int }{{in.Requests, &k.Requests}, {in.Minutes, &k.Minutes}} {
					if f.given != nil {
						*f.to = *f.given
					}
				}
				if k, err = l.SetKeeping(r.Context(), httpapi.ActorOf(r.Context()), k); err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, keepingObject(k))
			},
		},
	}
}

func keepingObject(k Keeping) KeepingObject {
	at := func(t time.Time) *int64 {
		if t.IsZero() {
			return nil
		}
		s := t.Unix()
		return &s
	}
	return KeepingObject{Object: "usage.retention", Requests: k.Requests, Minutes: k.Minutes, RequestsFrom: at(k.RequestsFrom), MinutesFrom: at(k.MinutesFrom)}
}
