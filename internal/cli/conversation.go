package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// conversation is one chat of the server as the terminal needs it: the end of one branch.
type conversation struct {
	client *client
	model  string
	id     string // empty until the first question
	last   string // id of the message to answer to; empty at the beginning
	served string // which model answered last
}

// chatMessage is a message of the chats API.
type chatMessage struct {
	ID       string  `json:"id"`
	ParentID *string `json:"parent_id"`
	Role     string  `json:"role"`
	State    string  `json:"state"`
	Served   string  `json:"served_model"`
	Content  []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"content"`
	Error *apiError `json:"error"`
}

func (m chatMessage) text() string {
	var b strings.Builder
	for _, p := range m.Content {
		b.WriteString(p.Text)
	}
	return b.String()
}

// chatObject is a chat of the chats API.
type chatObject struct {
	ID      string        `json:"id"`
	Title   string        `json:"title"`
	Model   string        `json:"model"`
	Current *string       `json:"current_message_id"`
	Message []chatMessage `json:"messages"`
}

// modelObject is a model as GET /api/models lists it.
type modelObject struct {
	ID      string  `json:"id"`
	Served  string  `json:"served_model"`
	Kind    string  `json:"kind"`
	State   string  `json:"state"`
	Default bool    `json:"default"`
	Window  int     `json:"context_window"`
	Percent float64 `json:"progress"`
}

func listModels(ctx context.Context, c *client) ([]modelObject, error) {
	var page struct {
		Data []modelObject `json:"data"`
	}
	err := c.call(ctx, http.MethodGet, "/api/models", nil, &page)
	return page.Data, err
}

// resume opens the newest chat and returns its messages from the first to the current one.
func (c *conversation) resume(ctx context.Context) ([]chatMessage, error) {
	var page struct {
		Data []chatObject `json:"data"`
	}
	if err := c.client.call(ctx, http.MethodGet, "/api/chats?limit=1", nil, &page); err != nil {
		return nil, err
	}
	if len(page.Data) == 0 {
		return nil, errors.New("there is no chat to resume")
	}
	var chat chatObject
	if err := c.client.call(ctx, http.MethodGet, "/api/chats/"+page.Data[0].ID, nil, &chat); err != nil {
		return nil, err
	}
	c.id = chat.ID
	byID := map[string]chatMessage{}
	for _, m := range chat.Message {
		byID[m.ID] = m
	}
	var branch []chatMessage
	for at := chat.Current; at != nil; {
		m, ok := byID[*at]
		if !ok {
			break
		}
		delete(byID, *at) // messages of another server might go round in a circle
		branch = append(branch, m)
		at = m.ParentID
	}
	slices.Reverse(branch)
	if chat.Current != nil {
		c.last = *chat.Current
	}
	return branch, nil
}

// ask sends a question and calls onText with each piece of the answer. It returns the answer's last
// form: its state says whether it is whole. Ending ctx stops the answer.
func (c *conversation) ask(ctx context.Context, question string, onText func(string)) (chatMessage, error) {
	var answer chatMessage
	if c.id == "" {
		var chat chatObject
		if err := c.client.call(ctx, http.MethodPost, "/api/chats", map[string]string{"model": c.model}, &chat); err != nil {
			return answer, err
		}
		c.id = chat.ID
	}
	in := map[string]any{
		"model":   c.model,
		"content": []map[string]string{{"type": "text", "text": question}},
	}
	if c.last != "" {
		in["parent_id"] = c.last
	}
	for ev, err := range c.client.stream(ctx, "/api/chats/"+c.id+"/messages", in) {
		if err != nil {
			if ctx.Err() != nil {
				answer.State = "stopped"
				return answer, nil
			}
			return answer, err
		}
		if err := c.take(ev, &answer, onText); err != nil {
			return answer, err
		}
	}
	return answer, nil
}

// take applies one event of the stream.
func (c *conversation) take(ev serverEvent, answer *chatMessage, onText func(string)) error {
	var body struct {
		Text    string          `json:"text"`
		Message json.RawMessage `json:"message"`
		Error   *apiError       `json:"error"`
	}
	if err := json.Unmarshal(ev.data, &body); err != nil {
		return err
	}
	if body.Error != nil {
		return body.Error
	}
	switch ev.name {
	case "message.delta":
		onText(body.Text)
	case "message.created", "message.completed", "message.stopped", "message.failed":
		var m chatMessage
		if err := json.Unmarshal(body.Message, &m); err != nil {
			return err
		}
		c.last = m.ID
		if m.Role == "assistant" {
			*answer = m
			c.served = m.Served
		}
	}
	return nil
}
