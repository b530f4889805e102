package billing

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// AdminRoutes returns the operator's operations, on the organization that of finds in a request.
func (s *Service) AdminRoutes(of func(*http.Request) (string, error)) []httpapi.Route {
	const path, tag = "/admin/billing", "Admin"
	a := adminHandlers{s, one(of), of}
	return append(s.routes(path, "admin", tag, actor.Operate, actor.Operate, of),
		httpapi.Route{Method: http.MethodGet, Path: path + "/accounts", Op: "adminListBillingAccounts", Tag: tag, Scope: actor.Operate, Query: accountsQuery{}, Out: httpapi.List[AccountObject]{}, Handle: a.listAccounts,
			Summary: "Every organization with its plan, what it has spent this month and its credit, the oldest first."},
		httpapi.Route{Method: http.MethodPut, Path: path + "/plan", Op: "adminSetBillingPlan", Tag: tag, Scope: actor.Operate, Query: organizationQuery{}, In: PlanRequest{}, Out: PlanRequest{}, Handle: a.putPlan,
			Summary: "Changes how an organization pays."},
		httpapi.Route{Method: http.MethodPost, Path: path + "/credits", Op: "adminGrantCredit", Tag: tag, Scope: actor.Operate, Query: organizationQuery{}, In: CreditRequest{}, Out: CreditObject{}, Handle: a.postCredit,
			Summary: "Gives an organization credit."},
		httpapi.Route{Method: http.MethodDelete, Path: path + "/credits/{grant}", Op: "adminRevokeCredit", Tag: tag, Scope: actor.Operate, Query: organizationQuery{}, Out: CreditObject{}, Handle: a.deleteCredit,
			Summary: "Takes back what is left of a grant of credit."},
		httpapi.Route{Method: http.MethodGet, Path: path + "/seller", Op: "adminGetSeller", Tag: tag, Scope: actor.Operate, Out: SellerObject{}, Handle: a.getSeller,
			Summary: "Who stands on invoices as the seller."},
		httpapi.Route{Method: http.MethodPut, Path: path + "/seller", Op: "adminSetSeller", Tag: tag, Scope: actor.Operate, In: SellerRequest{}, Out: SellerObject{}, Handle: a.putSeller,
			Summary: "Changes who stands on invoices as the seller. Those that were made stay as they are."},
	)
}

// adminHandlers serve what is the operator's alone.
type adminHandlers struct {
	*Service
	one func(*http.Request) (string, error) // the organization, which has to be named
	of  func(*http.Request) (string, error) // the organization; empty is any
}

func (a adminHandlers) listAccounts(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Query[accountsQuery](r)
	if err != nil {
		return err
	}
	if err := httpapi.Range("limit", in.Limit, 1, httpapi.MaxPageSize); err != nil {
		return err
	}
	limit := httpapi.DefaultPageSize
	if in.Limit != nil {
		limit = *in.Limit
	}
	orgs, err := a.o.Owners.Founded(r.Context())
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(orgs))
	for org := range orgs {
		ids = append(ids, org)
	}
	slices.SortFunc(ids, func(x, y string) int { return cmp.Or(orgs[x].Compare(orgs[y]), cmp.Compare(x, y)) })
	if in.After != "" {
		at := slices.Index(ids, in.After)
		if at < 0 {
			return &fault.Error{Kind: fault.NotFound, Param: "after", Message: fmt.Sprintf("No organization found with id '%s'.", in.After)}
		}
		ids = ids[at+1:]
	}
	more := len(ids) > limit
	if more {
		ids = ids[:limit]
	}
	out := make([]AccountObject, len(ids))
	for i, org := range ids {
		st, err := a.Standing(r.Context(), org)
		if err != nil {
			return err
		}
		name, _, err := a.o.Person(r.Context(), org)
		if err != nil {
			return err
		}
		out[i] = AccountObject{Object: "billing_account", Organization: org, Name: name, Plan: st.Account.Plan, Spend: float64(st.Spent) / billion, Credit: float64(st.Credit) / billion}
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(o AccountObject) string { return o.Organization }))
}

func (a adminHandlers) putPlan(w http.ResponseWriter, r *http.Request) error {
	org, err := a.one(r)
	if err != nil {
		return err
	}
	in, err := httpapi.Decode[PlanRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("plan", in.Plan != ""); err != nil {
		return err
	}
	got, err := a.SetPlan(r.Context(), httpapi.ActorOf(r.Context()), org, in.Plan)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, PlanRequest{got.Plan})
}

func (a adminHandlers) postCredit(w http.ResponseWriter, r *http.Request) error {
	org, err := a.one(r)
	if err != nil {
		return err
	}
	in, err := httpapi.Decode[CreditRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("amount_usd", in.Amount != nil); err != nil {
		return err
	}
	effective, err := unixTime("effective_at", in.EffectiveAt)
	if err != nil {
		return err
	}
	expires, err := unixTime("expires_at", in.ExpiresAt)
	if err != nil {
		return err
	}
	g, err := a.GrantCredit(r.Context(), httpapi.ActorOf(r.Context()), org, *in.Amount, in.Reason, effective, expires)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, a.creditObject(g))
}

func (a adminHandlers) deleteCredit(w http.ResponseWriter, r *http.Request) error {
	org, err := a.of(r)
	if err != nil {
		return err
	}
	g, err := a.RevokeCredit(r.Context(), httpapi.ActorOf(r.Context()), org, r.PathValue("grant"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, a.creditObject(g))
}

func (a adminHandlers) getSeller(w http.ResponseWriter, r *http.Request) error {
	got, err := a.Seller(r.Context())
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, sellerObject(got))
}

func (a adminHandlers) putSeller(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[SellerRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	got, err := a.SetSeller(r.Context(), httpapi.ActorOf(r.Context()), SellerChange(in))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, sellerObject(got))
}
