package billing

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// as is a fake: everybody is one.
type as actor.Actor

func (a as) Authenticate(*http.Request) (actor.Actor, error) { return actor.Actor(a), nil }

// organizationOf is a fake of identity's: there are two.
func organizationOf(r *http.Request) (string, error) {
	org := r.URL.Query().Get("organization")
	if org == "" || org == "org-a" || org == "org-b" {
		return org, nil
	}
	return "", fault.New(fault.NotFound, "No such organization.")
}

// call asks the routes as somebody and returns status and body.
func call(t testing.TB, s *Service, who actor.Actor, method, path, body string) (int, string, http.Header) {
	t.Helper()
	who.Key, who.Scopes = "key_x", []string{actor.All}
	api, err := httpapi.New(httpapi.Options{Auth: as(who), Logger: slog.New(slog.DiscardHandler), Clock: s.o.Clock, Routes: append(s.Routes(), s.AdminRoutes(organizationOf)...)})
	ok(t, err)
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	api.ServeHTTP(rec, r)
	return rec.Code, strings.TrimSpace(rec.Body.String()), rec.Header()
}

func TestRoutes(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		s := w.server()
		do := func(who actor.Actor, method, path, body string, status int, want string) string {
			t.Helper()
			got, text, _ := call(t, s, who, method, path, body)
			if got != status || !strings.Contains(text, want) {
				t.Errorf("%s %s %s as %s: %d %s, want %d %s", method, path, body, who.Org, got, text, status, want)
			}
			return text
		}
		boss := operator
		do(a, "GET", "/api/billing", "", 200, `{"object":"billing","plan":"none","month":"2023-11","resets_at":1701388800,"spend_usd":0,"state":"ok","budget":null,"credit_available_usd":0,"contacts":[],"invoice_name":"","invoice_address":"","projects":[]}`)
		do(a, "PUT", "/api/billing/budgets/org-a", `{"soft_limit_usd":1,"hard_limit_usd":2.5}`, 200, `{"object":"budget","id":"org-a","project_id":null,"soft_limit_usd":1,"hard_limit_usd":2.5,"spend_usd":0,"updated_at":`)
		do(a, "PUT", "/api/billing/budgets/proj_a", `{"hard_limit_usd":2}`, 200, `"id":"proj_a","project_id":"proj_a","soft_limit_usd":null,"hard_limit_usd":2,`)
		do(a, "PUT", "/api/billing/budgets/proj_b", `{"hard_limit_usd":2}`, 404, "project_not_found")
		do(a, "PUT", "/api/billing/budgets/org-b", `{"hard_limit_usd":2}`, 404, "project_not_found")
		do(a, "PUT", "/api/billing/budgets/org-a", `{}`, 400, "Name a limit")
		do(a, "PUT", "/api/billing/budgets/org-a", `{"hard":1}`, 400, "hard")
		do(a, "DELETE", "/api/billing/budgets/org-b", "", 404, "")
		do(b, "GET", "/api/billing/budgets", "", 200, `"data":[]`)
		do(b, "DELETE", "/api/billing/budgets/proj_a", "", 404, "project_not_found")
		do(a, "PUT", "/api/billing/details", `{"contacts":["x@example.com"],"invoice_address":"a\nb"}`, 200, `"contacts":["x@example.com"],"invoice_name":"","invoice_address":"a\nb"`)
		do(a, "PUT", "/api/billing/details", `{"invoice_name":"팔리"}`, 200, `"contacts":["x@example.com"],"invoice_name":"팔리","invoice_address":"a\nb"`)
		w.spend(s, a, 2*dollar)
		w.spend(s, a2, dollar/4)
		do(a, "GET", "/api/billing", "", 200, `"projects":[{"project_id":"proj_a","spend_usd":2},{"project_id":"proj_a2","spend_usd":0.25}]`)
		do(a, "GET", "/api/billing", "", 200, `"spend_usd":2.25,"state":"soft_limit"`)
		do(a, "GET", "/api/billing/state", "", 200, `{"object":"billing_state","state":"hard_limit","of":"project"}`)
		do(a2, "GET", "/api/billing/state", "", 200, `{"object":"billing_state","state":"soft_limit","of":"organization"}`)
		do(b, "GET", "/api/billing/state", "", 200, `"ok"`)
		do(a, "GET", "/api/billing/budgets", "", 200, `"spend_usd":2,`)

		do(a, "PUT", "/api/billing/budgets/org-a", `{"hard_limit_usd":1e-10}`, 400, `"param":"hard_limit_usd"`) // not 0, which refuses everything
		do(a, "PUT", "/api/billing/details", `{"invoice_name":"a\nb"}`, 400, `"param":"invoice_name"`)
		do(a, "PUT", "/api/billing/details", `{"invoice_address":"\t"}`, 400, `"param":"invoice_address"`)

		// The operator's.
		do(a, "POST", "/admin/billing/credits?organization=org-a", `{"amount_usd":5}`, 403, "missing_scope")
		do(boss, "POST", "/admin/billing/credits", `{"amount_usd":5}`, 400, "?organization=")
		do(boss, "POST", "/admin/billing/credits?organization=org-x", `{"amount_usd":5}`, 404, "No such organization")
		do(boss, "POST", "/admin/billing/credits?organization=org-b", `{}`, 400, "amount_usd")
		do(boss, "POST", "/admin/billing/credits?organization=org-b", `{"amount_usd":5,"expires_at":-1}`, 400, "expires_at")
		do(boss, "POST", "/admin/billing/credits?organization=org-b", `{"amount_usd":-5}`, 400, `"param":"amount_usd"`)
		do(boss, "PUT", "/admin/billing/plan?organization=org-b", `{}`, 400, "'plan' is a required property")
		var g CreditObject
		text := do(boss, "POST", "/admin/billing/credits?organization=org-b", `{"amount_usd":5,"reason":"trial","expires_at":1700000000}`, 200, `"used_usd":0,"available_usd":5,"reason":"trial"`)
		ok(t, json.Unmarshal([]byte(text), &g))
		do(a, "GET", "/api/billing/credits", "", 200, `"data":[]`)
		do(b, "GET", "/api/billing/credits", "", 200, g.ID)
		do(boss, "PUT", "/admin/billing/plan?organization=org-b", `{"plan":"prepaid"}`, 200, "prepaid")
		w.spend(s, b, dollar)
		do(b, "GET", "/v1/dashboard/billing/credit_grants", "", 200, `{"object":"credit_summary","total_granted":5,"total_used":1,"total_available":4,"grants":{"object":"list","data":[{"object":"credit_grant","id":"`+g.ID+`","grant_amount":5,"used_amount":1,"effective_at":1699293600,"expires_at":1700000000}]}}`)
		do(b, "GET", "/dashboard/billing/subscription", "", 200, `{"object":"billing_subscription","has_payment_method":false,"canceled":false,"canceled_at":null,"delinquent":null,"access_until":1700000000,"soft_limit":83333,"hard_limit":83333,"system_hard_limit":1666666666667,"soft_limit_usd":5,"hard_limit_usd":5,"system_hard_limit_usd":100000000,"plan":{"title":"Prepaid","id":"prepaid"},"account_name":"The name of org-b","po_number":null,"billing_email":null,"tax_ids":null,"billing_address":null,"business_address":null}`)
		do(a, "GET", "/v1/dashboard/billing/subscription", "", 200, `"access_until":4102444800,"soft_limit":16667,"hard_limit":41667,"system_hard_limit":1666666666667,"soft_limit_usd":1,"hard_limit_usd":2.5,`)
		do(a, "GET", "/v1/dashboard/billing/subscription", "", 200, `"plan":{"title":"Self-hosted","id":"self_hosted"},"account_name":"The name of org-a","po_number":null,"billing_email":"x@example.com","tax_ids":null,"billing_address":null`)
		do(boss, "GET", "/admin/billing/accounts", "", 200, `{"object":"billing_account","organization_id":"org-b","name":"The name of org-b","plan":"prepaid","spend_usd":1,"credit_available_usd":4}`)
		do(boss, "DELETE", "/admin/billing/credits/"+g.ID+"?organization=org-a", "", 404, "credit_grant_not_found")
		do(boss, "DELETE", "/admin/billing/credits/"+g.ID, "", 200, `"available_usd":0`)
		do(boss, "PUT", "/admin/billing/seller", `{"name":"팔리","address":"서울","note":"x"}`, 200, `"name":"팔리"`)
		do(boss, "GET", "/admin/billing/seller", "", 200, `{"object":"billing_seller","name":"팔리","address":"서울","note":"x"}`)
		do(boss, "PUT", "/admin/billing/seller", `{"note":""}`, 200, `{"object":"billing_seller","name":"팔리","address":"서울","note":""}`)
		do(boss, "GET", "/admin/billing/accounts?limit=1", "", 200, `"last_id":"org-a","has_more":true`)
		do(boss, "GET", "/admin/billing/accounts?limit=1&after=org-a", "", 200, `"last_id":"org-b","has_more":false`)
		do(boss, "GET", "/admin/billing/accounts?after=org-x", "", 404, "org-x")
		do(boss, "GET", "/admin/billing/accounts?limit=0", "", 400, "limit")
		do(boss, "GET", "/admin/billing", "", 400, "?organization=")
		do(boss, "GET", "/admin/billing?organization=org-b", "", 200, `"plan":"prepaid"`)

		w.clock.Advance(30 * 24 * time.Hour)
		ok(t, s.CloseMonths(t.Context()))
		var list httpapi.List[InvoiceObject]
		ok(t, json.Unmarshal([]byte(do(a, "GET", "/api/billing/invoices", "", 200, `"number":"INV-000001"`)), &list))
		if len(list.Data) != 1 || list.Data[0].Total != 2.25 || list.Data[0].Buyer.Name != "팔리" {
			t.Errorf("%+v", list.Data)
		}
		path := "/api/billing/invoices/" + list.Data[0].ID
		do(a, "GET", path, "", 200, `"price_usd":1125,"amount_usd":2.25}`) // 2 tokens
		do(b, "GET", path, "", 404, "invoice_not_found")
		do(b, "GET", path+"/pdf", "", 404, "invoice_not_found")
		do(b, "GET", "/api/billing/invoices?after="+list.Data[0].ID, "", 400, "No such invoice")
		do(boss, "GET", "/admin/billing/invoices", "", 200, `"number":"INV-000002"`)
		status, pdf, header := call(t, s, a, "GET", path+"/pdf", "")
		if status != 200 || !strings.HasPrefix(pdf, "%PDF-") || header.Get("Content-Type") != "application/pdf" || header.Get("Content-Disposition") != `attachment; filename="INV-000001.pdf"` {
			t.Errorf("%d %v", status, header)
		}
	})
}

// TestScopes: who may read and write, and what is the operator's.
func TestScopes(t *testing.T) {
	s := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{})).server()
	for _, rt := range append(s.Routes(), s.AdminRoutes(organizationOf)...) {
		want := actor.BillingRead
		switch {
		case strings.HasPrefix(rt.Path, "/admin/"):
			want = actor.Operate
		case rt.Method != http.MethodGet:
			want = actor.BillingWrite
		case rt.Path == "/api/billing/state":
			want = actor.UsageRead
		}
		if rt.Scope != want {
			t.Errorf("%s %s: scope %q, want %q", rt.Method, rt.Path, rt.Scope, want)
		}
	}
}
