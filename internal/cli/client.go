package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// client calls a Parley server: the one of this home through its admin socket, as the owner, or any
// other by URL and key.
type client struct {
	base    string // without a slash at the end
	key     string // empty on the admin socket, which knows its owner by the file's permissions
	org     string // organization to act in; empty: the key's, or the first one
	project string // in it; empty: the key's, or the first one
	http    *http.Client
}

// socketClient talks to the server that listens on a Unix socket.
func socketClient(path string) *client {
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	return &client{
		base: "http://parley",
		http: &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "unix", path)
			},
		}},
	}
}

// urlClient talks to a server by its address, "http://127.0.0.1:8080" or the same with /v1.
func urlClient(base, key string) *client {
	return &client{base: strings.TrimSuffix(strings.TrimRight(base, "/"), "/v1"), key: key, http: &http.Client{}}
}

// apiError is an error answer of a server.
type apiError struct {
	Status  int    `json:"-"`
	Message string `json:"message"`
	Code    string `json:"code"`
}

func (e *apiError) Error() string { return e.Message }

// send makes a request and returns the answer when its status is below 300.
func (c *client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	if in == nil {
		return c.sendBody(ctx, method, path, "", nil)
	}
	data, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	return c.sendBody(ctx, method, path, "application/json", bytes.NewReader(data))
}

// sendBody is send with a body as it is; a body of no kind is none.
func (c *client) sendBody(ctx context.Context, method, path, kind string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if c.org != "" {
		req.Header.Set("OpenAI-Organization", c.org)
	}
	if c.project != "" {
		req.Header.Set("OpenAI-Project", c.project)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) && ctx.Err() == nil {
			return nil, fmt.Errorf("cannot reach the server at %s: %w", c.base, u.Err)
		}
		return nil, err
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Error apiError `json:"error"`
	}
	if json.Unmarshal(data, &answer) != nil || answer.Error.Message == "" {
		answer.Error.Message = fmt.Sprintf("%s %s: %s", method, path, resp.Status)
	}
	answer.Error.Status = resp.StatusCode
	return nil, &answer.Error
}

// call makes a request and decodes the answer into out, unless out is nil.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// serverEvent is one server-sent event.
type serverEvent struct {
	name string
	data []byte
}

// stream makes a request and yields the events of the answer until [DONE] or the end.
func (c *client) stream(ctx context.Context, path string, in any) iter.Seq2[serverEvent, error] {
	return func(yield func(serverEvent, error) bool) {
		resp, err := c.send(ctx, http.MethodPost, path, in)
		if err != nil {
			yield(serverEvent{}, err)
			return
		}
		defer resp.Body.Close()
		r := bufio.NewReader(resp.Body)
		var ev serverEvent
		for {
			line, err := r.ReadBytes('\n')
			if err != nil {
				if errors.Is(err, io.EOF) {
					err = io.ErrUnexpectedEOF
				}
				yield(serverEvent{}, err)
				return
			}
			line = bytes.TrimRight(line, "\r\n")
			if name, ok := bytes.CutPrefix(line, []byte("event: ")); ok {
				ev.name = string(name)
			} else if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
				ev.data = append(ev.data, data...)
			} else if len(line) == 0 && ev.data != nil {
				if string(ev.data) == "[DONE]" {
					return
				}
				if !yield(ev, nil) {
					return
				}
				ev = serverEvent{}
			}
		}
	}
}
