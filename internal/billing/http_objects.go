package billing

import (
	"github.com/parley-ai/parley/internal/httpapi"
)

// Overview is where an organization stands this month.
type Overview struct {
	Object      string         `json:"object" enum:"billing" doc:"Always billing."`
	Plan        string         `json:"plan" enum:"none,prepaid,postpaid" doc:"How the organization pays: none, nothing is asked for; prepaid, only credit can be spent; postpaid, credit first, then the invoice."`
	Month       string         `json:"month" example:"2023-11" doc:"The month, in UTC."`
	ResetsAt    int64          `json:"resets_at" doc:"When the next month begins, in seconds since 1970."`
	Spend       float64        `json:"spend_usd" doc:"What the month has cost until now, in US dollars."`
	State       State          `json:"state" enum:"ok,soft_limit,hard_limit,no_credit" doc:"Whether requests go through: at hard_limit and no_credit they get 429."`
	Budget      *BudgetObject  `json:"budget" doc:"The organization's; null when it has none."`
	Credit      float64        `json:"credit_available_usd" doc:"What is left of its credit, in US dollars."`
	Contacts    []string       `json:"contacts" doc:"E-mail addresses that are told when limits are reached, besides the owners."`
	InvoiceName string         `json:"invoice_name" doc:"The name on invoices; empty is the organization's."`
	Address     string         `json:"invoice_address" doc:"The address on invoices."`
	Projects    []ProjectSpend `json:"projects" doc:"What projects have spent this month, the most first."`
}

// OpenAPIName is the schema's name.
func (Overview) OpenAPIName() string { return "Billing" }

// ProjectSpend is what a project has spent this month.
type ProjectSpend struct {
	Project string  `json:"project_id"`
	Spend   float64 `json:"spend_usd" doc:"US dollars."`
}

// OpenAPIName is the schema's name.
func (ProjectSpend) OpenAPIName() string { return "BillingProjectSpend" }

// StateObject tells those who work in an organization whether requests go through.
type StateObject struct {
	Object string `json:"object" enum:"billing_state" doc:"Always billing_state."`
	State  State  `json:"state" enum:"ok,soft_limit,hard_limit,no_credit" doc:"Whether requests go through: at hard_limit and no_credit they get 429."`
	Of     string `json:"of" enum:"organization,project" doc:"Whose budget it is."`
}

// OpenAPIName is the schema's name.
func (StateObject) OpenAPIName() string { return "BillingState" }

// DetailsRequest changes who is told and what stands on invoices; what is left out stays as it was.
type DetailsRequest struct {
	Contacts *[]string `json:"contacts,omitzero" doc:"E-mail addresses that are told when limits are reached, besides the owners."`
	Name     *string   `json:"invoice_name,omitzero" doc:"The name on invoices; empty is the organization's."`
	Address  *string   `json:"invoice_address,omitzero" doc:"The address on invoices, of several lines."`
}

// OpenAPIName is the schema's name.
func (DetailsRequest) OpenAPIName() string { return "BillingDetailsRequest" }

// BudgetObject is a budget.
type BudgetObject struct {
	Object    string   `json:"object" enum:"budget" doc:"Always budget."`
	ID        string   `json:"id" doc:"The organization's or the project's id."`
	Project   *string  `json:"project_id" doc:"The project; null is the organization as a whole."`
	Soft      *float64 `json:"soft_limit_usd" doc:"US dollars of a month at which owners and contacts are told; null is none."`
	Hard      *float64 `json:"hard_limit_usd" doc:"US dollars of a month at which requests are refused; null is none."`
	Spend     float64  `json:"spend_usd" doc:"What was spent this month, in US dollars."`
	UpdatedAt int64    `json:"updated_at" doc:"Unix time in seconds."`
}

// OpenAPIName is the schema's name.
func (BudgetObject) OpenAPIName() string { return "Budget" }

// BudgetRequest sets a budget.
type BudgetRequest struct {
	Soft *float64 `json:"soft_limit_usd,omitzero" min:"0" doc:"US dollars of a month at which owners and contacts are told; left out or null is none."`
	Hard *float64 `json:"hard_limit_usd,omitzero" min:"0" doc:"US dollars of a month at which requests are refused; left out or null is none."`
}

// OpenAPIName is the schema's name.
func (BudgetRequest) OpenAPIName() string { return "BudgetRequest" }

// CreditObject is a grant of credit.
type CreditObject struct {
	Object       string  `json:"object" enum:"billing.credit_grant" doc:"Always billing.credit_grant."`
	ID           string  `json:"id" example:"grant_abc123"`
	Organization string  `json:"organization_id"`
	Amount       float64 `json:"amount_usd" doc:"US dollars."`
	Used         float64 `json:"used_usd" doc:"What of it is used up."`
	Available    float64 `json:"available_usd" doc:"What of it can be used now."`
	Reason       string  `json:"reason" doc:"Why it was given."`
	EffectiveAt  int64   `json:"effective_at" doc:"From when on it pays, in seconds since 1970."`
	ExpiresAt    *int64  `json:"expires_at" doc:"When it ends; null is never."`
	RevokedAt    *int64  `json:"revoked_at" doc:"When what was left of it was taken back; null: it was not."`
	CreatedAt    int64   `json:"created_at" doc:"Unix time in seconds."`
}

// OpenAPIName is the schema's name.
func (CreditObject) OpenAPIName() string { return "BillingCreditGrant" }

// CreditRequest gives credit.
type CreditRequest struct {
	Amount      *float64 `json:"amount_usd" min:"0" doc:"US dollars."`
	Reason      string   `json:"reason,omitzero" doc:"Why it is given."`
	EffectiveAt *int64   `json:"effective_at,omitzero" doc:"From when on it pays, in seconds since 1970; left out, or in the past, from now on."`
	ExpiresAt   *int64   `json:"expires_at,omitzero" doc:"When it ends; left out or null is never."`
}

// OpenAPIName is the schema's name.
func (CreditRequest) OpenAPIName() string { return "BillingCreditGrantRequest" }

// InvoiceObject is an invoice.
type InvoiceObject struct {
	Object       string       `json:"object" enum:"invoice" doc:"Always invoice."`
	ID           string       `json:"id" example:"inv_abc123"`
	Number       string       `json:"number" example:"INV-000001" doc:"Without gaps in the installation."`
	Organization string       `json:"organization_id"`
	Month        string       `json:"month" example:"2023-11" doc:"The month, in UTC."`
	CreatedAt    int64        `json:"created_at" doc:"Unix time in seconds."`
	Seller       Party        `json:"seller"`
	Buyer        Party        `json:"buyer"`
	Note         string       `json:"note" doc:"The seller's, at the end."`
	Lines        []LineObject `json:"lines"`
	Subtotal     float64      `json:"subtotal_usd" doc:"What the lines come to, in US dollars."`
	Credit       float64      `json:"credit_usd" doc:"What of it credit has paid."`
	Total        float64      `json:"total_usd" doc:"What is left."`
}

// OpenAPIName is the schema's name.
func (InvoiceObject) OpenAPIName() string { return "Invoice" }

// OpenAPIName is the schema's name.
func (Party) OpenAPIName() string { return "InvoiceParty" }

// LineObject is a line of an invoice.
type LineObject struct {
	Model    string  `json:"model" doc:"The name that was asked for."`
	Unit     string  `json:"unit" enum:"input_tokens,cached_tokens,output_tokens,late_requests" doc:"What was counted; late_requests are of an earlier month and came into the books after its invoice was made."`
	Quantity int64   `json:"quantity"`
	Price    float64 `json:"price_usd" doc:"US dollars for 1,000 of the unit, on the average of the month."`
	Amount   float64 `json:"amount_usd" doc:"US dollars."`
}

// OpenAPIName is the schema's name.
func (LineObject) OpenAPIName() string { return "InvoiceLine" }

// PlanRequest changes how an organization pays.
type PlanRequest struct {
	Plan string `json:"plan" enum:"none,prepaid,postpaid" doc:"none, nothing is asked for; prepaid, only credit can be spent; postpaid, credit first, then the invoice."`
}

// OpenAPIName is the schema's name.
func (PlanRequest) OpenAPIName() string { return "BillingPlanRequest" }

// SellerObject is who stands on invoices as the seller.
type SellerObject struct {
	Object  string `json:"object" enum:"billing_seller" doc:"Always billing_seller."`
	Name    string `json:"name" doc:"Who sells."`
	Address string `json:"address" doc:"Of several lines."`
	Note    string `json:"note" doc:"At the end of invoices, of several lines: a bank account, a number of a register."`
}

func sellerObject(s Seller) SellerObject {
	return SellerObject{"billing_seller", s.Name, s.Address, s.Note}
}

// OpenAPIName is the schema's name.
func (SellerObject) OpenAPIName() string { return "BillingSeller" }

// SellerRequest changes the seller. Invoices that were made stay as they are.
type SellerRequest struct {
	Name    *string `json:"name,omitempty" doc:"Who sells. Left out, it stays."`
	Address *string `json:"address,omitempty" doc:"Of several lines. Left out, it stays."`
	Note    *string `json:"note,omitempty" doc:"At the end of invoices, of several lines: a bank account, a number of a register. Left out, it stays."`
}

// OpenAPIName is the schema's name.
func (SellerRequest) OpenAPIName() string { return "BillingSellerRequest" }

// accountsQuery are the query parameters of the operator's list.
type accountsQuery struct {
	Limit *int   `query:"limit" doc:"How many organizations to return." min:"1" max:"100" default:"20"`
	After string `query:"after" doc:"Id of the last organization of the page before."`
}

// AccountObject is an organization in the operator's list.
type AccountObject struct {
	Object       string  `json:"object" enum:"billing_account" doc:"Always billing_account."`
	Organization string  `json:"organization_id"`
	Name         string  `json:"name"`
	Plan         string  `json:"plan" enum:"none,prepaid,postpaid"`
	Spend        float64 `json:"spend_usd" doc:"What this month has cost until now, in US dollars."`
	Credit       float64 `json:"credit_available_usd" doc:"What is left of its credit."`
}

// OpenAPIName is the schema's name.
func (AccountObject) OpenAPIName() string { return "BillingAccount" }

func budgetObject(b Budget, spent int64) BudgetObject {
	o := BudgetObject{Object: "budget", ID: b.subject(), Soft: usd(b.Soft), Hard: usd(b.Hard), Spend: float64(spent) / billion, UpdatedAt: b.Updated.Unix()}
	if b.Project != "" {
		o.Project = &b.Project
	}
	return o
}

func invoiceObject(in Invoice) InvoiceObject {
	o := InvoiceObject{Object: "invoice", ID: in.ID, Number: in.Name(), Organization: in.Org, Month: in.Month, CreatedAt: in.Created.Unix(), Seller: in.Seller, Buyer: in.Buyer,
		Note: in.Note, Lines: make([]LineObject, len(in.Lines)), Subtotal: float64(in.Subtotal) / billion, Credit: float64(in.Credit) / billion, Total: float64(in.Total) / billion}
	for i, l := range in.Lines {
		o.Lines[i] = LineObject{Model: l.Model, Unit: l.Unit, Quantity: l.Quantity, Price: l.Price(), Amount: float64(l.Amount) / billion}
	}
	return o
}

func (s *Service) creditObject(g Grant) CreditObject {
	return CreditObject{Object: "billing.credit_grant", ID: g.ID, Organization: g.Org, Amount: float64(g.Amount) / billion, Used: float64(g.Used) / billion,
		Available: float64(g.Available(s.o.Clock.Now())) / billion, Reason: g.Reason, EffectiveAt: g.Effective.Unix(), ExpiresAt: seconds(g.Expires),
		RevokedAt: seconds(g.Revoked), CreatedAt: g.Created.Unix()}
}

// all is a list that is one page.
func all[T any](items []T, id func(T) string) httpapi.List[T] {
	return httpapi.NewList(items, false, id)
}
