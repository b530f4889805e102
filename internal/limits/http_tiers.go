package limits

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
)

// TierObject is a usage tier.
type TierObject struct {
	Object    string  `json:"object" enum:"usage_tier" doc:"Always usage_tier."`
	Tier      string  `json:"tier" doc:"Its name."`
	MinSpend  float64 `json:"min_spend" doc:"US dollars that an organization has spent, at least."`
	MinAge    int     `json:"min_age_days" doc:"Days since the organization was made, at least."`
	UpdatedAt int64   `json:"updated_at" doc:"Unix time in seconds."`
}

// OpenAPIName is the schema's name.
func (TierObject) OpenAPIName() string { return "UsageTier" }

// TierRequest says who is in a tier.
type TierRequest struct {
	MinSpend float64 `json:"min_spend,omitzero" min:"0" doc:"US dollars that an organization has spent, at least."`
	MinAge   int     `json:"min_age_days,omitzero" min:"0" doc:"Days since the organization was made, at least."`
}

// OpenAPIName is the schema's name.
func (TierRequest) OpenAPIName() string { return "UsageTierRequest" }

// StandingObject is what an organization has earned.
type StandingObject struct {
	Object string  `json:"object" enum:"usage_standing" doc:"Always usage_standing."`
	Tier   *string `json:"tier" doc:"The organization's tier; null when it is in none."`
	Spend  float64 `json:"spend" doc:"US dollars that it has spent; 0 where there are no tiers."`
	Age    int     `json:"age_days" doc:"Whole days since it was made; 0 where there are no tiers."`
	Next   *Next   `json:"next" doc:"The next tier and what it asks for; null when there is none."`
}

// Next is the tier above an organization's.
type Next struct {
	Tier     string  `json:"tier" doc:"Its name."`
	MinSpend float64 `json:"min_spend" doc:"US dollars that an organization has spent, at least."`
	MinAge   int     `json:"min_age_days" doc:"Days since the organization was made, at least."`
}

// OpenAPIName is the schema's name.
func (Next) OpenAPIName() string { return "NextUsageTier" }

// OpenAPIName is the schema's name.
func (StandingObject) OpenAPIName() string { return "UsageStanding" }

// standingRoute shows an organization its tier.
func (s *Service) standingRoute() httpapi.Route {
	return httpapi.Route{
		Method: http.MethodGet, Path: "/api/limits/tier", Op: "getUsageTier", Tag: tag, Out: StandingObject{}, Scope: actor.LimitsRead,
		Summary: "The usage tier of the organization, and by what it has earned it; looked at once a minute.",
		Handle: func(w http.ResponseWriter, r *http.Request) error {
			got := s.Standing(httpapi.ActorOf(r.Context()).Org)
			out := StandingObject{Object: "usage_standing", Spend: float64(got.Spend) / billion, Age: got.Age}
			if got.Tier != "" {
				out.Tier = &got.Tier
			}
			if t := s.Next(httpapi.ActorOf(r.Context()).Org); t != nil {
				out.Next = &Next{t.Name, float64(t.Spend) / billion, t.Age}
			}
			return httpapi.JSON(w, http.StatusOK, out)
		},
	}
}

// tierRoutes are the operator's.
func (s *Service) tierRoutes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: "/admin/tiers", Op: "adminListTiers", Tag: "Admin", Scope: actor.Operate, Out: httpapi.List[TierObject]{},
			Summary: "The usage tiers, in the order of what they ask for.",
			Handle: func(w http.ResponseWriter, _ *http.Request) error {
				tiers := s.Tiers()
				out := make([]TierObject, len(tiers))
				for i, t := range tiers {
					out[i] = tierObject(t)
				}
				return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, false, func(t TierObject) string { return t.Tier }))
			},
		},
		{
			Method: http.MethodPut, Path: "/admin/tiers/{tier}", Op: "adminSetTier", Tag: "Admin", Scope: actor.Operate, In: TierRequest{}, Out: TierObject{},
			Summary: "Makes a usage tier, or changes what it asks for.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				in, err := httpapi.Decode[TierRequest](w, r, httpapi.Strict)
				if err != nil {
					return err
				}
				t, err := s.SetTier(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("tier"), in.MinSpend, in.MinAge)
				if err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, tierObject(t))
			},
		},
		{
			Method: http.MethodDelete, Path: "/admin/tiers/{tier}", Op: "adminDeleteTier", Tag: "Admin", Scope: actor.Operate, Out: httpapi.Deleted{},
			Summary: "Takes a usage tier and its limits away.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				name := r.PathValue("tier")
				if err := s.DeleteTier(r.Context(), httpapi.ActorOf(r.Context()), name); err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: name, Object: "usage_tier.deleted", Deleted: true})
			},
		},
	}
}

func tierObject(t UsageTier) TierObject {
	return TierObject{Object: "usage_tier", Tier: t.Name, MinSpend: float64(t.Spend) / billion, MinAge: t.Age, UpdatedAt: t.Set.Unix()}
}
