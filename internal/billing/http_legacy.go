package billing

import (
	"net/http"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
)

// What follows was never documented; the shapes are those that public programs of 2023 read.

// Subscription is the answer of GET /v1/dashboard/billing/subscription.
type Subscription struct {
	Object          string           `json:"object" enum:"billing_subscription" doc:"Always billing_subscription."`
	HasPayment      bool             `json:"has_payment_method" doc:"Whether the organization pays by invoice."`
	Canceled        bool             `json:"canceled" doc:"Always false."`
	CanceledAt      *int64           `json:"canceled_at" doc:"Always null."`
	Delinquent      *bool            `json:"delinquent" doc:"Always null."`
	AccessUntil     int64            `json:"access_until" doc:"When a prepaid organization's credit ends, in seconds since 1970; otherwise the year 2100."`
	SoftLimit       int64            `json:"soft_limit" doc:"soft_limit_usd in units of $0.00006."`
	HardLimit       int64            `json:"hard_limit" doc:"hard_limit_usd in units of $0.00006."`
	SystemHardLimit int64            `json:"system_hard_limit" doc:"system_hard_limit_usd in units of $0.00006."`
	SoftUSD         float64          `json:"soft_limit_usd" doc:"The soft limit of a month, in US dollars; the hard one where there is none."`
	HardUSD         float64          `json:"hard_limit_usd" doc:"The hard limit of a month, in US dollars; of a prepaid organization without one its credit, otherwise system_hard_limit_usd."`
	SystemHardUSD   float64          `json:"system_hard_limit_usd" doc:"100,000,000 where nothing is limited."`
	Plan            SubscriptionPlan `json:"plan"`
	AccountName     string           `json:"account_name" doc:"The organization's name."`
	PONumber        *string          `json:"po_number" doc:"Always null."`
	BillingEmail    *string          `json:"billing_email" doc:"The first address that is told when limits are reached."`
	TaxIDs          *string          `json:"tax_ids" doc:"Always null."`
	BillingAddress  *string          `json:"billing_address" doc:"Always null."`
	BusinessAddress *string          `json:"business_address" doc:"Always null."`
}

// OpenAPIName is the schema's name.
func (Subscription) OpenAPIName() string { return "BillingSubscription" }

// SubscriptionPlan is how an organization pays.
type SubscriptionPlan struct {
	Title string `json:"title"`
	ID    string `json:"id" enum:"self_hosted,prepaid,payg"`
}

// OpenAPIName is the schema's name.
func (SubscriptionPlan) OpenAPIName() string { return "BillingSubscriptionPlan" }

// CreditSummary is the answer of GET /v1/dashboard/billing/credit_grants.
type CreditSummary struct {
	Object    string        `json:"object" enum:"credit_summary" doc:"Always credit_summary."`
	Granted   float64       `json:"total_granted" doc:"US dollars of all grants that were not taken back."`
	Used      float64       `json:"total_used"`
	Available float64       `json:"total_available" doc:"What can be used now."`
	Grants    CreditsOf2023 `json:"grants"`
}

// OpenAPIName is the schema's name.
func (CreditSummary) OpenAPIName() string { return "CreditSummary" }

// CreditsOf2023 are the grants of a CreditSummary.
type CreditsOf2023 struct {
	Object string         `json:"object" enum:"list" doc:"Always list."`
	Data   []CreditOf2023 `json:"data"`
}

// OpenAPIName is the schema's name.
func (CreditsOf2023) OpenAPIName() string { return "CreditGrants" }

// CreditOf2023 is a grant.
type CreditOf2023 struct {
	Object    string  `json:"object" enum:"credit_grant" doc:"Always credit_grant."`
	ID        string  `json:"id"`
	Amount    float64 `json:"grant_amount" doc:"US dollars."`
	Used      float64 `json:"used_amount"`
	Effective float64 `json:"effective_at" doc:"Seconds since 1970."`
	Expires   float64 `json:"expires_at" doc:"Seconds since 1970; the year 2100 where it does not end."`
}

// OpenAPIName is the schema's name.
func (CreditOf2023) OpenAPIName() string { return "CreditGrant" }

const (
	unlimited = 100_000_000 // US dollars, where nothing is limited
	unit      = 0.00006     // US dollars: what soft_limit, hard_limit and system_hard_limit counted
)

// noEnd stands for what does not end.
var noEnd = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *Service) legacyRoutes() []httpapi.Route {
	const subscription, credits = "The plan and the limits, as programs of 2023 asked for them.", "The credit, as programs of 2023 asked for it."
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/v1/dashboard/billing/subscription", Op: "getBillingSubscription", Tag: tag, Summary: subscription, Out: Subscription{}, Scope: actor.BillingRead, Handle: s.getSubscription},
		{Method: http.MethodGet, Path: "/dashboard/billing/subscription", Op: "getDashboardSubscription", Tag: tag, Summary: subscription, Out: Subscription{}, Scope: actor.BillingRead, Handle: s.getSubscription},
		{Method: http.MethodGet, Path: "/v1/dashboard/billing/credit_grants", Op: "getBillingCreditGrants", Tag: tag, Summary: credits, Out: CreditSummary{}, Scope: actor.BillingRead, Handle: s.getCreditGrants},
		{Method: http.MethodGet, Path: "/dashboard/billing/credit_grants", Op: "getDashboardCreditGrants", Tag: tag, Summary: credits, Out: CreditSummary{}, Scope: actor.BillingRead, Handle: s.getCreditGrants},
	}
}

func (s *Service) getSubscription(w http.ResponseWriter, r *http.Request) error {
	who := httpapi.ActorOf(r.Context())
	st, err := s.Standing(r.Context(), who.Org)
	if err != nil {
		return err
	}
	grants, err := readGrants(r.Context(), s.o.DB.Read(), who.Org)
	if err != nil {
		return err
	}
	name, _, err := s.o.Person(r.Context(), who.Org)
	if err != nil {
		return err
	}
	out := Subscription{
		Object: "billing_subscription", HasPayment: st.Account.Plan == Postpaid, AccessUntil: noEnd.Unix(), HardUSD: unlimited, SystemHardUSD: unlimited, AccountName: name,
		Plan: map[string]SubscriptionPlan{NoPlan: {"Self-hosted", "self_hosted"}, Prepaid: {"Prepaid", "prepaid"}, Postpaid: {"Pay-as-you-go", "payg"}}[st.Account.Plan],
	}
	if st.Account.Plan == Prepaid {
		out.HardUSD, out.AccessUntil = s.credit(grants)
	}
	soft := int64(none)
	for _, b := range st.Budgets {
		if b.Project != "" {
			continue
		}
		soft = b.Soft
		if b.Hard != none {
			out.HardUSD = float64(b.Hard) / billion
		}
	}
	if out.SoftUSD = out.HardUSD; soft != none {
		out.SoftUSD = float64(soft) / billion
	}
	out.SoftLimit, out.HardLimit, out.SystemHardLimit = units(out.SoftUSD), units(out.HardUSD), units(out.SystemHardUSD)
	if len(st.Account.Contacts) > 0 {
		out.BillingEmail = &st.Account.Contacts[0]
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

// units counts US dollars as 2023 did.
func units(dollars float64) int64 { return int64(dollars/unit + 0.5) }

// credit is what grants that are good now came to when they were given, and when the last of them ends.
func (s *Service) credit(grants []Grant) (dollars float64, until int64) {
	now := s.o.Clock.Now()
	until = now.Unix()
	for _, g := range grants {
		if g.Effective.After(now) || !g.end().IsZero() && !g.end().After(now) {
			continue
		}
		dollars += float64(g.Amount) / billion
		until = max(until, endOr2100(g.end()))
	}
	return dollars, until
}

func endOr2100(t time.Time) int64 {
	if t.IsZero() {
		return noEnd.Unix()
	}
	return t.Unix()
}

func (s *Service) getCreditGrants(w http.ResponseWriter, r *http.Request) error {
	grants, err := s.Credits(r.Context(), httpapi.ActorOf(r.Context()).Org)
	if err != nil {
		return err
	}
	out := CreditSummary{Object: "credit_summary", Grants: CreditsOf2023{Object: "list", Data: []CreditOf2023{}}}
	now := s.o.Clock.Now()
	var granted, used, available int64
	for _, g := range grants {
		amount := g.Amount
		if !g.Revoked.IsZero() {
			amount = g.Used
		}
		granted, used, available = granted+amount, used+g.Used, available+g.Available(now)
		out.Grants.Data = append(out.Grants.Data, CreditOf2023{Object: "credit_grant", ID: g.ID, Amount: float64(amount) / billion, Used: float64(g.Used) / billion,
			Effective: float64(g.Effective.Unix()), Expires: float64(endOr2100(g.end()))})
	}
	out.Granted, out.Used, out.Available = float64(granted)/billion, float64(used)/billion, float64(available)/billion
	return httpapi.JSON(w, http.StatusOK, out)
}
