package mail

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
)

// StatusObject says how mails go.
type StatusObject struct {
	Object     string       `json:"object" enum:"mail_status"`
	Configured bool         `json:"configured" doc:"Whether mails can be sent."`
	Server     string       `json:"server" doc:"HOST:PORT of the mail server; empty when there is none."`
	Security   string       `json:"security" enum:"tls,starttls,starttls_if_offered,none" doc:"How the connection is encrypted."`
	From       string       `json:"from" doc:"The sender."`
	Queued     int          `json:"queued" doc:"Mails that wait."`
	Sent       int          `json:"sent" doc:"Mails of the last 30 days that the mail server took."`
	Failed     int          `json:"failed" doc:"Mails of the last 30 days that were given up."`
	Recent     []MailObject `json:"recent" doc:"The newest mails, at most 100, without their text."`
}

// OpenAPIName is the schema's name.
func (StatusObject) OpenAPIName() string { return "MailStatus" }

// MailObject is a mail without its text.
type MailObject struct {
	Object       string  `json:"object" enum:"mail"`
	ID           string  `json:"id" example:"mail_abc"`
	Organization *string `json:"organization_id" doc:"The organization that it is about; null: the installation."`
	To           string  `json:"to"`
	Subject      string  `json:"subject"`
	State        string  `json:"state" enum:"queued,sent,failed"`
	Attempts     int     `json:"attempts"`
	Error        *string `json:"error" doc:"What the mail server said at the last attempt; null: nothing bad."`
	CreatedAt    int64   `json:"created_at" doc:"Seconds since 1970."`
	UpdatedAt    int64   `json:"updated_at" doc:"When something was last done about it, in seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (MailObject) OpenAPIName() string { return "Mail" }

// TestRequest sends a test mail.
type TestRequest struct {
	To string `json:"to" doc:"The address that the test mail goes to." example:"you@example.com"`
}

// OpenAPIName is the schema's name.
func (TestRequest) OpenAPIName() string { return "MailTest" }

// TestResult says that the mail server took a test mail.
type TestResult struct {
	Object   string `json:"object" enum:"mail_test"`
	To       string `json:"to"`
	Accepted bool   `json:"accepted" doc:"Always true: a refusal is an error with the mail server's words."`
}

// OpenAPIName is the schema's name.
func (TestResult) OpenAPIName() string { return "MailTestResult" }

// AdminRoutes are the operator's.
func (s *Service) AdminRoutes() []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/admin/mail", Op: "adminMailStatus", Tag: "Admin", Scope: actor.Operate, Summary: "The mail server and the newest mails.",
			Out: StatusObject{}, Handle: s.getStatus},
		{Method: http.MethodPost, Path: "/admin/mail/test", Op: "adminMailTest", Tag: "Admin", Scope: actor.Operate, Summary: "Sends a test mail now.",
			In: TestRequest{}, Out: TestResult{}, MaxBody: 4096, Handle: s.postTest},
	}
}

func (s *Service) getStatus(w http.ResponseWriter, r *http.Request) error {
	status, err := s.Status(r.Context())
	if err != nil {
		return err
	}
	out := StatusObject{Object: "mail_status", Configured: status.Configured, Server: status.Server, Security: status.Security, From: status.From,
		Queued: status.Queued, Sent: status.Sent, Failed: status.Failed, Recent: make([]MailObject, len(status.Recent))}
	for i, m := range status.Recent {
		o := MailObject{Object: "mail", ID: m.ID, To: m.To, Subject: m.Subject, State: m.State, Attempts: m.Attempts, CreatedAt: m.Created.Unix(), UpdatedAt: m.Updated.Unix()}
		if m.Org != "" {
			o.Organization = &m.Org
		}
		if m.Error != "" {
			o.Error = &m.Error
		}
		out.Recent[i] = o
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

func (s *Service) postTest(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[TestRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("to", in.To != ""); err != nil {
		return err
	}
	if err := s.Test(r.Context(), httpapi.ActorOf(r.Context()), in.To); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, TestResult{Object: "mail_test", To: in.To, Accepted: true})
}
