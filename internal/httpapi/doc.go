// Package httpapi is the border to HTTP: one route table, one error adapter, SSE, paging, multipart,
// request ids, limits of size and time, graceful shutdown.
package httpapi
