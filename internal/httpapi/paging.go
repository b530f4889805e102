package httpapi

import (
	"net/http"
)

// Page sizes of OpenAI's lists.
const (
	DefaultPageSize = 20
	MaxPageSize     = 100
)

// PageQuery are the query parameters of a list: give it as Route.Query.
type PageQuery struct {
	Limit  *int   `query:"limit" doc:"How many objects to return." min:"1" max:"100" default:"20"`
	Order  string `query:"order" doc:"Sort order by the time of creation." enum:"asc,desc" default:"desc"`
	After  string `query:"after" doc:"Id of the last object of the page before."`
	Before string `query:"before" doc:"Id of the first object of the page after."`
}

// Page is which part of a list is wanted.
type Page struct {
	Limit  int    // 1–100
	Order  string // "asc" or "desc", by time of creation
	After  string // id of the last object of the page before; empty is the beginning
	Before string // id of the first object of the page after
}

// PageOf reads PageQuery with its defaults and bounds.
func PageOf(r *http.Request) (Page, error) {
	q, err := Query[PageQuery](r)
	if err != nil {
		return Page{}, err
	}
	if err := First(Range("limit", q.Limit, 1, MaxPageSize), OneOf("order", q.Order, "asc", "desc")); err != nil {
		return Page{}, err
	}
	p := Page{Limit: DefaultPageSize, Order: "desc", After: q.After, Before: q.Before}
	if q.Limit != nil {
		p.Limit = *q.Limit
	}
	if q.Order != "" {
		p.Order = q.Order
	}
	return p, nil
}

// List is the envelope of a page. first_id and last_id are null when it is empty.
type List[T any] struct {
	Object  string  `json:"object" doc:"Always list." enum:"list"`
	Data    []T     `json:"data" doc:"The objects of this page."`
	FirstID *string `json:"first_id" doc:"Id of the first object, to page backwards with before."`
	LastID  *string `json:"last_id" doc:"Id of the last object, to page on with after."`
	HasMore bool    `json:"has_more" doc:"Whether there are objects behind this page."`
}

// NewList makes the envelope. more says whether there are objects behind the page.
func NewList[T any](items []T, more bool, id func(T) string) List[T] {
	l := List[T]{Object: "list", Data: items, HasMore: more}
	if n := len(items); n > 0 {
		first, last := id(items[0]), id(items[n-1])
		l.FirstID, l.LastID = &first, &last
	}
	return l
}

// Deleted is the answer of a DELETE: the object is gone.
type Deleted struct {
	ID      string `json:"id" doc:"What was deleted."`
	Object  string `json:"object" doc:"Its type." example:"api_key"`
	Deleted bool   `json:"deleted" doc:"Always true."`
}
