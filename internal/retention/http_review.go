package retention

import (
	"net/http"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

// ItemObject is a request in the reviewers' queue. It never has bodies.
type ItemObject struct {
	Object       string  `json:"object" enum:"review_item" doc:"Always review_item."`
	ID           string  `json:"id" example:"review_abc123"`
	Organization string  `json:"organization_id" doc:"Whose request it is."`
	Name         string  `json:"organization_name"`
	RequestID    string  `json:"request_id"`
	CreatedAt    int64   `json:"created_at" doc:"When it came into the queue, in seconds since 1970."`
	Source       string  `json:"source" enum:"operator,sample,moderation" doc:"How it came into the queue."`
	Reason       string  `json:"reason"`
	State        string  `json:"state" enum:"open,claimed,decided" doc:"open: nobody has it."`
	ClaimedBy    *string `json:"claimed_by" doc:"The reviewer who has it, or decided: their e-mail address, or id; null: nobody."`
	Mine         bool    `json:"mine" doc:"Whether that is you."`
	ClaimedUntil *int64  `json:"claimed_until" doc:"When it goes back unless the reviewer does something, in seconds since 1970."`
	Looks        int     `json:"looks" doc:"How often its bodies were read."`
	Decision     *string `json:"decision" enum:"no_action,warn" doc:"null: none yet."`
	Note         string  `json:"note" doc:"For reviewers."`
	Message      string  `json:"message" doc:"The warning."`
	DecidedAt    *int64  `json:"decided_at" doc:"Seconds since 1970; null: not yet."`
}

// OpenAPIName is the schema's name.
func (ItemObject) OpenAPIName() string { return "ReviewItem" }

// BodiesObject is an item with its bodies.
type BodiesObject struct {
	Object        string     `json:"object" enum:"review_bodies" doc:"Always review_bodies."`
	Item          ItemObject `json:"item"`
	RequestedAt   int64      `json:"requested_at" doc:"When the request came, in seconds since 1970."`
	Operation     string     `json:"operation" doc:"The operation's name in the OpenAPI document."`
	Status        int        `json:"status" doc:"Of HTTP; 499: the client had gone."`
	Project       string     `json:"project_id"`
	User          *string    `json:"user_id" doc:"null for a service account's key."`
	Key           *string    `json:"api_key_id" doc:"null for a browser session."`
	Service       *string    `json:"service_account_id"`
	Request       string     `json:"request" doc:"The body as it was sent."`
	Response      string     `json:"response" doc:"The body as it was answered; of a stream its events; empty for vectors, which are not kept."`
	RequestBytes  int64      `json:"request_bytes" doc:"How long the body was; more than is kept when its end was cut."`
	ResponseBytes int64      `json:"response_bytes"`
	RequestCut    bool       `json:"request_cut" doc:"Whether the end of the body was not kept."`
	ResponseCut   bool       `json:"response_cut"`
}

// OpenAPIName is the schema's name.
func (BodiesObject) OpenAPIName() string { return "ReviewBodies" }

// FlagRequest puts a request into the queue.
type FlagRequest struct {
	RequestID    string `json:"request_id" doc:"Its x-request-id." example:"req_abc123"`
	Organization string `json:"organization_id,omitempty" doc:"Whose request it is; left out, it is looked for in all."`
	Reason       string `json:"reason" doc:"Why it is to be reviewed." max:"2000"`
}

// OpenAPIName is the schema's name.
func (FlagRequest) OpenAPIName() string { return "ReviewFlag" }

// DecisionRequest ends a review.
type DecisionRequest struct {
	Decision string `json:"decision" enum:"no_action,warn" doc:"warn tells the organization the message."`
	Note     string `json:"note,omitempty" doc:"For other reviewers." max:"2000"`
	Message  string `json:"message,omitempty" doc:"The warning, which the organization's owners and admins see." max:"2000"`
}

// OpenAPIName is the schema's name.
func (DecisionRequest) OpenAPIName() string { return "ReviewDecision" }

// queueQuery are the parameters of a page of the queue.
type queueQuery struct {
	State string `query:"state" doc:"open, claimed or decided; left out, all." enum:"open,claimed,decided"`
	Mine  bool   `query:"mine" doc:"Only those that you have, or decided."`
	httpapi.PageQuery
}

// reviewRoutes are those of a reviewer in a browser.
func (s *Service) reviewRoutes() []httpapi.Route {
	const tag = "Review"
	step := func(op, path, summary string, in any, do func(r *http.Request, who actor.Actor, id string) (Item, error)) httpapi.Route {
		return httpapi.Route{Method: http.MethodPost, Path: path, Op: op, Tag: tag, Summary: summary, In: in, Out: ItemObject{}, Scope: actor.Review, MaxBody: 64 << 10,
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				who := httpapi.ActorOf(r.Context())
				item, err := do(r, who, r.PathValue("item_id"))
				return s.answerItem(w, r, who, item, err)
			}}
	}
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/api/review/items", Op: "listReviewItems", Tag: tag, Summary: "The reviewers' queue, the newest first, without bodies.",
			Out: httpapi.List[ItemObject]{}, Query: queueQuery{}, Scope: actor.Review, Handle: func(w http.ResponseWriter, r *http.Request) error {
				who := httpapi.ActorOf(r.Context())
				return s.answerQueue(w, r, who, func(q queueQuery, p store.Paging) ([]Item, bool, error) {
					return s.Items(r.Context(), who, q.State, q.Mine, p)
				})
			}},
		{Method: http.MethodGet, Path: "/api/review/items/{item_id}", Op: "getReviewItem", Tag: tag, Summary: "An item of the reviewers' queue, without bodies.",
			Out: ItemObject{}, Scope: actor.Review, Handle: func(w http.ResponseWriter, r *http.Request) error {
				who := httpapi.ActorOf(r.Context())
				item, err := s.Item(r.Context(), who, r.PathValue("item_id"))
				return s.answerItem(w, r, who, item, err)
			}},
		step("claimNextReviewItem", "/api/review/next", "Claims the item that has waited longest.", nil, func(r *http.Request, who actor.Actor, _ string) (Item, error) {
			return s.Next(r.Context(), who)
		}),
		step("claimReviewItem", "/api/review/items/{item_id}/claim", "Claims an item: nobody else has it until you decide, release it, or do nothing for half an hour.", nil, func(r *http.Request, who actor.Actor, id string) (Item, error) {
			return s.Claim(r.Context(), who, id)
		}),
		step("releaseReviewItem", "/api/review/items/{item_id}/release", "Gives an item back to the queue.", nil, func(r *http.Request, who actor.Actor, id string) (Item, error) {
			return s.Release(r.Context(), who, id)
		}),
		{Method: http.MethodPost, Path: "/api/review/items/{item_id}/look", Op: "lookAtReviewItem", Tag: tag, Summary: "The bodies of an item that you claimed. That you looked is in the organization's audit log.",
			Out: BodiesObject{}, Scope: actor.Review, MaxBody: 4096, Handle: s.postLook},
		{Method: http.MethodPost, Path: "/api/review/items/{item_id}/decision", Op: "decideReviewItem", Tag: tag, Summary: "Ends the review of an item that you claimed.",
			In: DecisionRequest{}, Out: ItemObject{}, Scope: actor.Review, MaxBody: 64 << 10, Handle: func(w http.ResponseWriter, r *http.Request) error {
				in, err := httpapi.Decode[DecisionRequest](w, r, httpapi.Strict)
				if err != nil {
					return err
				}
				who := httpapi.ActorOf(r.Context())
				item, err := s.Decide(r.Context(), who, r.PathValue("item_id"), in.Decision, in.Note, in.Message)
				return s.answerItem(w, r, who, item, err)
			}},
	}
}

// queueRoutes are the operator's: what is in the queue, and what is to be.
func (s *Service) queueRoutes() []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/admin/review/items", Op: "adminListReviewItems", Tag: "Admin", Scope: actor.Operate, Summary: "The reviewers' queue, without bodies.",
			Out: httpapi.List[ItemObject]{}, Query: queueQuery{}, Handle: func(w http.ResponseWriter, r *http.Request) error {
				who := httpapi.ActorOf(r.Context())
				return s.answerQueue(w, r, who, func(q queueQuery, p store.Paging) ([]Item, bool, error) {
					return s.Queue(r.Context(), who, q.State, p)
				})
			}},
		{Method: http.MethodPost, Path: "/admin/review/items", Op: "adminFlagRequest", Tag: "Admin", Scope: actor.Operate, Summary: "Puts a kept request into the reviewers' queue.",
			In: FlagRequest{}, Out: ItemObject{}, MaxBody: 64 << 10, Handle: func(w http.ResponseWriter, r *http.Request) error {
				in, err := httpapi.Decode[FlagRequest](w, r, httpapi.Strict)
				if err != nil {
					return err
				}
				who := httpapi.ActorOf(r.Context())
				item, err := s.Flag(r.Context(), who, in.Organization, in.RequestID, SourceOperator, in.Reason)
				return s.answerItem(w, r, who, item, err)
			}},
	}
}

func moment(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	at := t.Unix()
	return &at
}

func filled(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func itemObject(i Item, who actor.Actor, names map[string]string) ItemObject {
	by := i.ClaimedEmail
	if by == "" {
		by = i.ClaimedBy
	}
	return ItemObject{Object: "review_item", ID: i.ID, Organization: i.Org, Name: names[i.Org], RequestID: i.RequestID, CreatedAt: i.FlaggedAt.Unix(), Source: i.Source,
		Reason: i.Reason, State: i.State, ClaimedBy: filled(by), Mine: i.ClaimedBy != "" && i.ClaimedBy == who.User, ClaimedUntil: moment(i.ClaimedUntil), Looks: i.Looks,
		Decision: filled(i.Decision), Note: i.Note, Message: i.Message, DecidedAt: moment(i.DecidedAt)}
}

func (s *Service) answerItem(w http.ResponseWriter, r *http.Request, who actor.Actor, item Item, err error) error {
	if err != nil {
		return err
	}
	names, err := s.o.Names(r.Context())
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, itemObject(item, who, names))
}

func (s *Service) answerQueue(w http.ResponseWriter, r *http.Request, who actor.Actor, list func(queueQuery, store.Paging) ([]Item, bool, error)) error {
	q, err := httpapi.Query[queueQuery](r)
	if err != nil {
		return err
	}
	p, err := httpapi.PageOf(r)
	if err != nil {
		return err
	}
	items, more, err := list(q, store.Paging(p))
	if err != nil {
		return err
	}
	names, err := s.o.Names(r.Context())
	if err != nil {
		return err
	}
	out := make([]ItemObject, len(items))
	for i, item := range items {
		out[i] = itemObject(item, who, names)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(o ItemObject) string { return o.ID }))
}

func (s *Service) postLook(w http.ResponseWriter, r *http.Request) error {
	who := httpapi.ActorOf(r.Context())
	item, k, err := s.Look(r.Context(), who, r.PathValue("item_id"))
	if err != nil {
		return err
	}
	names, err := s.o.Names(r.Context())
	if err != nil {
		return err
	}
	text := func(data []byte) string { return strings.ToValidUTF8(string(data), "\uFFFD") }
	return httpapi.JSON(w, http.StatusOK, BodiesObject{Object: "review_bodies", Item: itemObject(item, who, names), RequestedAt: k.At.Unix(), Operation: k.Op, Status: k.Status,
		Project: k.Project, User: filled(k.User), Key: filled(k.Key), Service: filled(k.Service), Request: text(k.Request), Response: text(k.Response),
		RequestBytes: k.RequestSize, ResponseBytes: k.ResponseSize, RequestCut: k.RequestSize > int64(len(k.Request)), ResponseCut: k.ResponseSize > int64(len(k.Response))})
}
