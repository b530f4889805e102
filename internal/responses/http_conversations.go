package responses

import (
	"context"
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// maxAdded is how many items a request may add to a conversation.
const maxAdded = 20

// NewConversation is the body of POST /v1/conversations.
type NewConversation struct {
	Items    []Item   `json:"items,omitzero" doc:"What it begins with, at most 20." max:"20"`
	Metadata Metadata `json:"metadata,omitzero" doc:"Up to 16 texts by name: 64 and 512 characters."`
}

// ConversationChange is the body of POST /v1/conversations/{conversation_id}.
type ConversationChange struct {
	Metadata Metadata `json:"metadata" doc:"Replaces what is there."`
}

// NewItems is the body of POST /v1/conversations/{conversation_id}/items.
type NewItems struct {
	Items []Item `json:"items" doc:"At most 20." max:"20"`
}

// OpenAPIName implements openapi's hook.
func (NewConversation) OpenAPIName() string { return "ConversationRequest" }

// OpenAPIName implements openapi's hook.
func (ConversationChange) OpenAPIName() string { return "ConversationChange" }

// OpenAPIName implements openapi's hook.
func (NewItems) OpenAPIName() string { return "ConversationItemsRequest" }

func (a *API) conversationRoutes() []httpapi.Route {
	const tag = "Conversations"
	one, items := "/v1/conversations/{conversation_id}", "/v1/conversations/{conversation_id}/items"
	return []httpapi.Route{
		{Method: http.MethodPost, Path: "/v1/conversations", Op: "createConversation", Tag: tag, Summary: "Makes a conversation.", In: NewConversation{}, Out: Conversation{}, Scope: actor.ChatWrite, Handle: a.createConversation},
		{Method: http.MethodGet, Path: one, Op: "getConversation", Tag: tag, Summary: "Returns a conversation.", Out: Conversation{}, Scope: actor.ChatWrite, Handle: a.getConversation},
		{Method: http.MethodPost, Path: one, Op: "updateConversation", Tag: tag, Summary: "Changes the metadata of a conversation.", In: ConversationChange{}, Out: Conversation{}, Scope: actor.ChatWrite, Handle: a.updateConversation},
		{Method: http.MethodDelete, Path: one, Op: "deleteConversation", Tag: tag, Summary: "Deletes a conversation with its items; responses stay.", Out: httpapi.Deleted{}, Scope: actor.ChatWrite, Handle: a.deleteConversation},
		{Method: http.MethodPost, Path: items, Op: "createConversationItems", Tag: tag, Summary: "Adds items to a conversation.", In: NewItems{}, Out: httpapi.List[Item]{}, Scope: actor.ChatWrite, Handle: a.addItems},
		{Method: http.MethodGet, Path: items, Op: "listConversationItems", Tag: tag, Summary: "Lists the items of a conversation.", Query: listQuery{}, Out: httpapi.List[Item]{}, Scope: actor.ChatWrite, Handle: a.listItems},
		{Method: http.MethodGet, Path: items + "/{item_id}", Op: "getConversationItem", Tag: tag, Summary: "Returns an item of a conversation.", Out: Item{}, Scope: actor.ChatWrite, Handle: a.getItem},
		{Method: http.MethodDelete, Path: items + "/{item_id}", Op: "deleteConversationItem", Tag: tag, Summary: "Deletes an item of a conversation.", Out: Conversation{}, Scope: actor.ChatWrite, Handle: a.deleteItem},
	}
}

// checked are items for a conversation, whole and with ids.
func (s *Service) checked(ctx context.Context, who actor.Actor, items []Item) ([]Item, error) {
	if err := completeAll(items, "items", maxAdded); err != nil {
		return nil, err
	}
	return s.resolve(ctx, who, items)
}

func (a *API) createConversation(w http.ResponseWriter, r *http.Request) error {
	var in NewConversation
	var err error
	if r.ContentLength != 0 { // clients may send nothing
		if in, err = httpapi.Decode[NewConversation](w, r, httpapi.Strict); err != nil {
			return err
		}
	}
	s, ctx, who := a.Service, r.Context(), httpapi.ActorOf(r.Context())
	if err := object.CheckMetadata(object.Metadata(in.Metadata)); err != nil {
		return err
	}
	items, err := s.checked(ctx, who, in.Items)
	if err != nil {
		return err
	}
	c := Conversation{ID: ids.New("conv_"), Object: "conversation", Metadata: in.Metadata}
	if c.Metadata == nil {
		c.Metadata = Metadata{}
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := s.insertConversation(ctx, tx, who, &c); err != nil {
			return err
		}
		_, err := s.addItems(ctx, tx, who, c.ID, items)
		return err
	})
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, c)
}

func (a *API) getConversation(w http.ResponseWriter, r *http.Request) error {
	c, err := a.Service.conversation(r.Context(), a.Service.db.Read(), httpapi.ActorOf(r.Context()), r.PathValue("conversation_id"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, c)
}

func (a *API) updateConversation(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[ConversationChange](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.First(httpapi.Required("metadata", in.Metadata != nil), object.CheckMetadata(object.Metadata(in.Metadata))); err != nil {
		return err
	}
	s, ctx, who, id := a.Service, r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("conversation_id")
	var c Conversation
	err = s.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if err := s.setMetadata(ctx, tx, who, id, in.Metadata); err != nil {
			return err
		}
		c, err = s.conversation(ctx, tx, who, id)
		return err
	})
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, c)
}

func (a *API) deleteConversation(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("conversation_id")
	if err := a.Service.deleteConversationRow(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: id, Object: "conversation.deleted", Deleted: true})
}

func (a *API) addItems(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[NewItems](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("items", in.Items != nil); err != nil {
		return err
	}
	s, ctx, who, id := a.Service, r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("conversation_id")
	items, err := s.checked(ctx, who, in.Items)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		there, err := s.addItems(ctx, tx, who, id, items)
		if err == nil && !there {
			err = noConversation(id)
		}
		return err
	})
	return listed(w, items, false, nil, err)
}

func (a *API) listItems(w http.ResponseWriter, r *http.Request) error {
	p, include, err := page(r)
	if err != nil {
		return err
	}
	s, ctx := a.Service, r.Context()
	c, err := s.conversation(ctx, s.db.Read(), httpapi.ActorOf(ctx), r.PathValue("conversation_id"))
	if err != nil {
		return err
	}
	items, more, err := p.items(ctx, s.db.Read(), "conversation_items", "conversation_id", c.ID, "")
	return listed(w, items, more, include, err)
}

func (a *API) getItem(w http.ResponseWriter, r *http.Request) error {
	t, err := a.Service.conversationItem(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("conversation_id"), r.PathValue("item_id"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, t.shown(nil))
}

func (a *API) deleteItem(w http.ResponseWriter, r *http.Request) error {
	s, ctx, who, id := a.Service, r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("conversation_id")
	c, err := s.conversation(ctx, s.db.Read(), who, id)
	if err != nil {
		return err
	}
	if err := s.deleteItem(ctx, who, id, r.PathValue("item_id")); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, c)
}
