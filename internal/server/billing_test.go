package server_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/testkit"
)

// hi asks gpt-4 with two tokens of answer and returns the answer's status, body and header.
func hi(s *testkit.Server, key string) (int, string, http.Header) {
	resp, text := s.CallWith(map[string]string{"Authorization": "Bearer " + key}, http.MethodPost, "/v1/chat/completions",
		map[string]any{"model": "gpt-4", "max_tokens": 2, "messages": []any{map[string]string{"role": "user", "content": "Hi"}}})
	return resp.StatusCode, text, resp.Header
}

// TestBudget: requests are refused when the budget is used up, with OpenAI's words; what is refused is a row of usage and costs nothing; a server
// that starts then knows it from its first request on; and the invoice comes to what the rows cost.
func TestBudget(t *testing.T) {
	db := storetest.SQLite(t)
	if os.Getenv(storetest.Env) != "" {
		db = storetest.Postgres(t)
	}
	s := testkit.Start(t, testkit.Options{DB: db})
	put := func(path string, body map[string]any) {
		t.Helper()
		if resp, text := s.Call(http.MethodPut, path, body); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", path, resp.Status, text)
		}
	}
	put("/api/calendar/gpt-4", map[string]any{"input_price": 0.0000017, "cached_price": 0.0000009, "output_price": 0.1}) // 1.7, 0.9 and 100,000 billionths for a token
	var session struct{ Organization, Project struct{ ID string } }
	_, text := s.Call(http.MethodGet, "/api/session", nil)
	if err := json.Unmarshal([]byte(text), &session); err != nil || session.Organization.ID == "" {
		t.Fatalf("%v %s", err, text)
	}
	put("/api/billing/budgets/"+session.Organization.ID, map[string]any{"soft_limit_usd": 0.0002, "hard_limit_usd": 0.001})
	answered := 0
	for ; answered < 20; answered++ {
		status, body, header := hi(s, s.Key)
		if status == http.StatusOK {
			continue
		}
		want := `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`
		if status != http.StatusTooManyRequests || strings.TrimSpace(body) != want || header.Get("X-Should-Retry") != "false" || header.Get("Retry-After") != "" {
			t.Errorf("%d %v %s", status, header, body)
		}
		break
	}
	if answered != 5 { // each costs a little more than 200,000 billionths
		t.Errorf("%d were answered", answered)
	}
	if resp, text := s.Call(http.MethodGet, "/api/billing/state", nil); !strings.Contains(text, `"hard_limit"`) {
		t.Errorf("%s %s", resp.Status, text)
	}
	var rows struct {
		Data []struct {
			Status    int
			ErrorCode string `json:"error_code"`
			Model     string
			Cost      float64 `json:"cost_usd"`
		}
	}
	_, text = s.Call(http.MethodGet, "/api/usage/requests", nil)
	if err := json.Unmarshal([]byte(text), &rows); err != nil || len(rows.Data) != answered+1 {
		t.Fatalf("%v %s", err, text)
	}
	if r := rows.Data[0]; r.Status != http.StatusTooManyRequests || r.ErrorCode != "insufficient_quota" || r.Model != "gpt-4" || r.Cost != 0 {
		t.Errorf("%+v", r)
	}

	second := testkit.Start(t, testkit.Options{DB: db})
	if status, body, _ := hi(second, s.Key); status != http.StatusTooManyRequests {
		t.Errorf("a server that has just started: %d %s", status, body)
	}

	// What the tokenizer counts costs nothing, and is not refused.
	if resp, text := s.Call(http.MethodPost, "/api/tokenize", map[string]any{"model": "gpt-4", "text": "Hi"}); resp.StatusCode == http.StatusTooManyRequests {
		t.Errorf("%s %s", resp.Status, text)
	}
	put("/api/billing/budgets/"+session.Organization.ID, map[string]any{"hard_limit_usd": 1})
	if status, body, _ := hi(s, s.Key); status != http.StatusOK {
		t.Errorf("after it was raised: %d %s", status, body)
	}

	// The month ends.
	_, text = s.Call(http.MethodGet, "/api/usage/requests", nil)
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		t.Fatalf("%v %s", err, text)
	}
	var sum float64
	for _, r := range rows.Data {
		sum += r.Cost
	}
	s.Clock.Advance(30 * 24 * time.Hour)
	if err := s.Billing().CloseMonths(t.Context()); err != nil {
		t.Fatal(err)
	}
	var list struct {
		Data []struct {
			ID, Number, Month string
			Subtotal          float64 `json:"subtotal_usd"`
			Lines             []struct {
				Model, Unit string
				Quantity    int64
				Price       float64 `json:"price_usd"`
				Amount      float64 `json:"amount_usd"`
			}
		}
	}
	_, text = s.Call(http.MethodGet, "/api/billing/invoices", nil)
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Data) != 1 {
		t.Fatalf("%v %s", err, text)
	}
	in := list.Data[0]
	var lines float64
	for _, l := range in.Lines {
		lines += l.Amount
		if l.Model != "gpt-4" || l.Quantity <= 0 {
			t.Errorf("%+v", l)
		}
	}
	nano := func(v float64) int64 { return int64(math.Round(v * 1e9)) }
	if in.Number != "INV-000001" || in.Month != "2023-11" || nano(in.Subtotal) != nano(sum) || nano(lines) != nano(sum) || nano(sum) < 1_200_000 {
		t.Errorf("the rows cost %d billionths, the invoice says %d and its lines %d: %+v", nano(sum), nano(in.Subtotal), nano(lines), in)
	}
	if out := in.Lines[len(in.Lines)-1]; out.Unit != "output_tokens" || out.Quantity != 12 || nano(out.Amount) != 1_200_000 || math.Abs(out.Price-0.1) > 1e-12 {
		t.Errorf("%+v", out)
	}
	resp, pdf := s.Call(http.MethodGet, fmt.Sprintf("/api/billing/invoices/%s/pdf", in.ID), nil)
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(pdf, "%PDF-") {
		t.Errorf("%s", resp.Status)
	}
}

// newInvoice asks something and lets a month pass; it returns the id of the invoice.
func newInvoice(t *testing.T, s *testkit.Server) string {
	t.Helper()
	if status, text, _ := hi(s, s.Key); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	s.Clock.Advance(30 * 24 * time.Hour)
	if err := s.Billing().CloseMonths(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, text := s.Call(http.MethodGet, "/api/billing/invoices", nil)
	var list struct{ Data []struct{ ID string } }
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Data) != 1 {
		t.Fatalf("%v %s", err, text)
	}
	return list.Data[0].ID
}

// TestBudgetMail: when a soft limit is reached a mail is on its way to the contacts, once.
func TestBudgetMail(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Config: map[string]any{"mail.url": "smtp://127.0.0.1:1", "mail.from": "Parley <parley@example.com>"}})
	var session struct{ Organization struct{ ID string } }
	_, text := s.Call(http.MethodGet, "/api/session", nil)
	if err := json.Unmarshal([]byte(text), &session); err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]map[string]any{
		"/api/billing/details": {"contacts": []string{"books@example.com"}}, "/api/billing/budgets/" + session.Organization.ID: {"soft_limit_usd": 0.00000001},
	} {
		if resp, text := s.Call(http.MethodPut, path, body); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", path, resp.Status, text)
		}
	}
	for range 2 {
		if status, text, _ := hi(s, s.Key); status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
	}
	browser := s.Browser()
	var got struct {
		Recent []struct {
			Organization string `json:"organization_id"`
			To, Subject  string
		}
	}
	for end := time.Now().Add(30 * time.Second); len(got.Recent) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no mail")
		}
		_, text = s.Do(browser, http.MethodGet, "/api/operator/mail", nil)
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%v %s", err, text)
		}
	}
	if m := got.Recent[0]; len(got.Recent) != 1 || m.To != "books@example.com" || m.Organization != session.Organization.ID || !strings.Contains(m.Subject, "the soft limit of $0.00000001 was reached") {
		t.Errorf("%+v", got.Recent)
	}
}
