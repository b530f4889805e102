package billing

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

const tag = "Billing"

// Routes returns the operations of an organization on its own billing.
func (s *Service) Routes() []httpapi.Route {
	own := func(r *http.Request) (string, error) { return httpapi.ActorOf(r.Context()).Org, nil }
	return slices.Concat(s.routes("/api/billing", "", tag, actor.BillingRead, actor.BillingWrite, own), s.legacyRoutes(), []httpapi.Route{{
		Method: http.MethodGet, Path: "/api/billing/state", Op: "getBillingState", Tag: tag, Out: StateObject{}, Scope: actor.UsageRead,
		Summary: "Whether requests of your project go through, or its budget or its organization's was reached.", Handle: s.getState,
	}})
}

// routes are the operations below a path; of says which organization a request is about.
func (s *Service) routes(path, op, tag, read, write string, of func(*http.Request) (string, error)) []httpapi.Route {
	name := func(verb, noun string) string {
		if op == "" {
			return verb + noun
		}
		return op + strings.ToUpper(verb[:1]) + verb[1:] + noun
	}
	h := handlers{s, of, one(of)}
	routes := []httpapi.Route{
		{Method: http.MethodGet, Path: path, Op: name("get", "Billing"), Tag: tag, Out: Overview{}, Scope: read, Handle: h.get,
			Summary: "What this month has cost until now, against the budget and the credit."},
		{Method: http.MethodPut, Path: path + "/details", Op: name("set", "BillingDetails"), Tag: tag, In: DetailsRequest{}, Out: Overview{}, Scope: write, Handle: h.putDetails,
			Summary: "Changes who is told when limits are reached, and the name and address on invoices."},
		{Method: http.MethodGet, Path: path + "/budgets", Op: name("list", "Budgets"), Tag: tag, Out: httpapi.List[BudgetObject]{}, Scope: read, Handle: h.listBudgets,
			Summary: "The monthly budgets: the organization's own first, then its projects'."},
		{Method: http.MethodPut, Path: path + "/budgets/{subject}", Op: name("set", "Budget"), Tag: tag, In: BudgetRequest{}, Out: BudgetObject{}, Scope: write, Handle: h.putBudget,
			Summary: "Sets the monthly budget of the organization or of a project, by its id."},
		{Method: http.MethodDelete, Path: path + "/budgets/{subject}", Op: name("delete", "Budget"), Tag: tag, Out: httpapi.Deleted{}, Scope: write, Handle: h.deleteBudget,
			Summary: "Takes a monthly budget away."},
		{Method: http.MethodGet, Path: path + "/credits", Op: name("list", "Credits"), Tag: tag, Out: httpapi.List[CreditObject]{}, Scope: read, Handle: h.listCredits,
			Summary: "The grants of credit, the newest first, as used as they are now."},
		{Method: http.MethodGet, Path: path + "/invoices", Op: name("list", "Invoices"), Tag: tag, Out: httpapi.List[InvoiceObject]{}, Query: httpapi.PageQuery{}, Scope: read, Handle: h.listInvoices,
			Summary: "The invoices, one for each month that has cost something, the newest first."},
		{Method: http.MethodGet, Path: path + "/invoices/{invoice}", Op: name("get", "Invoice"), Tag: tag, Out: InvoiceObject{}, Scope: read, Handle: h.getInvoice,
			Summary: "One invoice."},
		{Method: http.MethodGet, Path: path + "/invoices/{invoice}/pdf", Op: name("get", "InvoicePDF"), Tag: tag, Produces: "application/pdf", Scope: read, Handle: h.getPDF,
			Summary: "One invoice as PDF."},
	}
	for i := range routes {
		switch rt := &routes[i]; {
		case op == "":
		case rt.Query == nil:
			rt.Query = organizationQuery{}
		default:
			rt.Query = organizationPage{}
		}
	}
	return routes
}

// organizationQuery names the organization that an operation of the operator is about.
type organizationQuery struct {
	Organization string `query:"organization" doc:"Id of the organization."`
}

// organizationPage is a page of a list of one organization, or of all.
type organizationPage struct {
	Organization string `query:"organization" doc:"Id of the organization; left out: all."`
	Limit        *int   `query:"limit" doc:"How many objects to return." min:"1" max:"100" default:"20"`
	Order        string `query:"order" doc:"Sort order by the time of creation." enum:"asc,desc" default:"desc"`
	After        string `query:"after" doc:"Id of the last object of the page before."`
	Before       string `query:"before" doc:"Id of the first object of the page after."`
}

// one makes a request name an organization.
func one(of func(*http.Request) (string, error)) func(*http.Request) (string, error) {
	return func(r *http.Request) (string, error) {
		org, err := of(r)
		if err == nil && org == "" {
			err = fault.Param("organization", "Name the organization: ?organization=….")
		}
		return org, err
	}
}

// handlers serve the operations of routes.
type handlers struct {
	*Service
	of  func(*http.Request) (string, error) // the organization; empty is all
	one func(*http.Request) (string, error) // the organization, which has to be named
}

func (h handlers) get(w http.ResponseWriter, r *http.Request) error {
	org, err := h.one(r)
	if err != nil {
		return err
	}
	return h.overview(w, r, org)
}

func (h handlers) overview(w http.ResponseWriter, r *http.Request, org string) error {
	st, err := h.Standing(r.Context(), org)
	if err != nil {
		return err
	}
	out := Overview{
		Object: "billing", Plan: st.Account.Plan, Month: monthName(st.Month), ResetsAt: st.Month.AddDate(0, 1, 0).Unix(), Spend: float64(st.Spent) / billion, State: st.State,
		Credit: float64(st.Credit) / billion, Contacts: st.Account.Contacts, InvoiceName: st.Account.Name, Address: st.Account.Address, Projects: []ProjectSpend{},
	}
	for _, b := range st.Budgets {
		if b.Project == "" {
			o := budgetObject(b, st.Spent)
			out.Budget = &o
		}
	}
	for project, spent := range st.Projects {
		out.Projects = append(out.Projects, ProjectSpend{project, float64(spent) / billion})
	}
	slices.SortFunc(out.Projects, func(a, b ProjectSpend) int {
		return cmp.Or(cmp.Compare(b.Spend, a.Spend), cmp.Compare(a.Project, b.Project))
	})
	return httpapi.JSON(w, http.StatusOK, out)
}

func (h handlers) putDetails(w http.ResponseWriter, r *http.Request) error {
	org, err := h.one(r)
	if err != nil {
		return err
	}
	in, err := httpapi.Decode[DetailsRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	a, err := h.Account(r.Context(), org)
	if err != nil {
		return err
	}
	d := Details{a.Contacts, a.Name, a.Address}
	if in.Contacts != nil {
		d.Contacts = *in.Contacts
	}
	if in.Name != nil {
		d.Name = *in.Name
	}
	if in.Address != nil {
		d.Address = *in.Address
	}
	if _, err := h.SetDetails(r.Context(), httpapi.ActorOf(r.Context()), org, d); err != nil {
		return err
	}
	return h.overview(w, r, org)
}

func (h handlers) listBudgets(w http.ResponseWriter, r *http.Request) error {
	org, err := h.one(r)
	if err != nil {
		return err
	}
	st, err := h.Standing(r.Context(), org)
	if err != nil {
		return err
	}
	out := make([]BudgetObject, len(st.Budgets))
	for i, b := range st.Budgets {
		out[i] = budgetObject(b, st.spentOf(b))
	}
	return httpapi.JSON(w, http.StatusOK, all(out, func(b BudgetObject) string { return b.ID }))
}

// spentOf is what was spent of a budget.
func (st Standing) spentOf(b Budget) int64 {
	if b.Project != "" {
		return st.Projects[b.Project]
	}
	return st.Spent
}

// subject returns the organization and the project that a path names.
func (h handlers) subject(r *http.Request) (org, project string, err error) {
	if org, err = h.one(r); err != nil {
		return "", "", err
	}
	if project = r.PathValue("subject"); project == org {
		project = ""
	}
	return org, project, nil
}

func (h handlers) putBudget(w http.ResponseWriter, r *http.Request) error {
	org, project, err := h.subject(r)
	if err != nil {
		return err
	}
	in, err := httpapi.Decode[BudgetRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	b, err := h.SetBudget(r.Context(), httpapi.ActorOf(r.Context()), org, project, in.Soft, in.Hard)
	if err != nil {
		return err
	}
	st, err := h.Standing(r.Context(), org)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, budgetObject(b, st.spentOf(b)))
}

func (h handlers) deleteBudget(w http.ResponseWriter, r *http.Request) error {
	org, project, err := h.subject(r)
	if err != nil {
		return err
	}
	if err := h.DeleteBudget(r.Context(), httpapi.ActorOf(r.Context()), org, project); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: r.PathValue("subject"), Object: "budget.deleted", Deleted: true})
}

func (h handlers) listCredits(w http.ResponseWriter, r *http.Request) error {
	org, err := h.one(r)
	if err != nil {
		return err
	}
	grants, err := h.Credits(r.Context(), org)
	if err != nil {
		return err
	}
	out := make([]CreditObject, len(grants))
	for i, g := range grants {
		out[i] = h.creditObject(g)
	}
	return httpapi.JSON(w, http.StatusOK, all(out, func(c CreditObject) string { return c.ID }))
}

func (h handlers) listInvoices(w http.ResponseWriter, r *http.Request) error {
	org, err := h.of(r)
	if err != nil {
		return err
	}
	p, err := httpapi.PageOf(r)
	if err != nil {
		return err
	}
	list, more, err := h.Invoices(r.Context(), org, store.Paging{Limit: p.Limit, Order: p.Order, After: p.After, Before: p.Before})
	if err != nil {
		return err
	}
	out := make([]InvoiceObject, len(list))
	for i, in := range list {
		out[i] = invoiceObject(in)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(in InvoiceObject) string { return in.ID }))
}

func (h handlers) getInvoice(w http.ResponseWriter, r *http.Request) error {
	org, err := h.of(r)
	if err != nil {
		return err
	}
	in, err := h.Invoice(r.Context(), org, r.PathValue("invoice"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, invoiceObject(in))
}

func (h handlers) getPDF(w http.ResponseWriter, r *http.Request) error {
	org, err := h.of(r)
	if err != nil {
		return err
	}
	in, err := h.Invoice(r.Context(), org, r.PathValue("invoice"))
	if err != nil {
		return err
	}
	data, err := in.PDF()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", in.Name()+".pdf"))
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, err = w.Write(data)
	return err
}

func (s *Service) getState(w http.ResponseWriter, r *http.Request) error {
	state, ofProject, err := s.StateOf(r.Context(), httpapi.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	out := StateObject{Object: "billing_state", State: state, Of: "organization"}
	if ofProject {
		out.Of = "project"
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

// unixTime is a time of a request; zero for none.
func unixTime(param string, seconds *int64) (time.Time, error) {
	if seconds == nil {
		return time.Time{}, nil
	}
	if *seconds < 0 || *seconds > 253402300799 { // the year 9999
		return time.Time{}, fault.Param(param, "Invalid '%s': expected seconds since 1970.", param).WithCode("invalid_value")
	}
	return time.Unix(*seconds, 0).UTC(), nil
}
