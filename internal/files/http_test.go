package files_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/testkit"
)

// field is one of a form; File is sent as a file when it is set, with Name as its name unless Name is "-".
type field struct{ Key, Value, Name string }

// form writes fields in their order, as old and new clients do.
func form(t *testing.T, fields ...field) (contentType string, body *bytes.Buffer) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, f := range fields {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", f.Key)}}
		if f.Name != "" {
			if f.Name != "-" {
				h.Set("Content-Disposition", fmt.Sprintf("form-data; name=%q; filename=%q", f.Key, f.Name))
			}
			h.Set("Content-Type", "application/octet-stream")
		}
		part, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(f.Value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), body
}

type object struct {
	ID            string  `json:"id"`
	Bytes         int64   `json:"bytes"`
	Filename      string  `json:"filename"`
	Purpose       string  `json:"purpose"`
	Status        string  `json:"status"`
	StatusDetails string  `json:"status_details"`
	ExpiresAt     int64   `json:"expires_at"`
	File          *object `json:"file"`
	Data          []object
	HasMore       bool `json:"has_more"`
	Error         struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
}

func send(t *testing.T, s *testkit.Server, path string, status int, fields ...field) (o object) {
	t.Helper()
	s.Clock.Advance(time.Millisecond) // the order of a list
	contentType, body := form(t, fields...)
	resp, text := s.CallWith(map[string]string{"Authorization": "Bearer " + s.Key, "Content-Type": contentType}, http.MethodPost, path, body.String())
	return parse(t, resp, text, status)
}

func parse(t *testing.T, resp *http.Response, text string, status int) (o object) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &o); err != nil || resp.StatusCode != status {
		t.Fatalf("%s %s: %v", resp.Status, text, err)
	}
	return o
}

func call(t *testing.T, s *testkit.Server, method, path string, body any, status int) object {
	t.Helper()
	resp, text := s.Call(method, path, body)
	return parse(t, resp, text, status)
}

func TestHTTP(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	hello := field{"file", "hello world", "hello.txt"}
	for name, fields := range map[string][]field{
		"purpose first": {{"purpose", "assistants", ""}, hello},
		"file first":    {hello, {"purpose", "assistants", ""}},
		"more fields":   {{"a", "b", ""}, hello, {"purpose", "assistants", ""}, {"c", "", ""}},
	} {
		o := send(t, s, "/v1/files", 200, fields...)
		if o.Bytes != 11 || o.Filename != "hello.txt" || o.Purpose != "assistants" || o.Status != "processed" || o.ExpiresAt != 0 {
			t.Errorf("%s: %+v", name, o)
		}
	}
	for _, name := range []string{"-", "file"} {
		if o := send(t, s, "/v1/files", 200, field{"purpose", "user_data", ""}, field{"file", strings.Repeat("x", 2<<20), name}); o.Filename != "file" || o.Bytes != 2<<20 {
			t.Errorf("named %q: %+v", name, o)
		}
	}
	o := send(t, s, "/v1/files", 200, hello, field{"purpose", "user_data", ""}, field{"expires_after[anchor]", "created_at", ""}, field{"expires_after[seconds]", "3600", ""})
	if o.ExpiresAt != s.Clock.Now().Add(time.Hour).Unix() {
		t.Errorf("%+v", o)
	}
	for want, fields := range map[string][]field{
		"'purpose' is a required property":      {hello},
		"'file' is a required property":         {{"purpose", "assistants", ""}},
		"'fine-tune-results' is not one of [":   {hello, {"purpose", "fine-tune-results", ""}},
		"'assistants_output' is not one of [":   {hello, {"purpose", "assistants_output", ""}},
		"more than one file":                    {hello, hello, {"purpose", "assistants", ""}},
		"a file in the field 'other'":           {{"other", "x", "x.txt"}},
		"Line 1 is not a dictionary":            {{"file", "x", "a.jsonl"}, {"purpose", "fine-tune", ""}},
		"Must be .jsonl":                        {{"file", "%PDF", "a.pdf"}, {"purpose", "fine-tune", ""}},
		"3599 is less than the minimum of 3600": {hello, {"purpose", "batch", ""}, {"expires_after[anchor]", "created_at", ""}, {"expires_after[seconds]", "3599", ""}},
		"'x' is not of type 'integer'":          {hello, {"purpose", "batch", ""}, {"expires_after[anchor]", "created_at", ""}, {"expires_after[seconds]", "x", ""}},
	} {
		if o := send(t, s, "/v1/files", 400, fields...); !strings.Contains(o.Error.Message, want) || o.Error.Type != "invalid_request_error" {
			t.Errorf("%+v, want %s", o.Error, want)
		}
	}
	list := call(t, s, http.MethodGet, "/v1/files", nil, 200)
	if len(list.Data) != 6 || list.HasMore {
		t.Errorf("%d files, has_more %v: what was refused left something", len(list.Data), list.HasMore)
	}
	// As openai 1.10 pages: on with after until a page is empty.
	seen, after := 0, ""
	for {
		page := call(t, s, http.MethodGet, "/v1/files?limit=4&after="+after, nil, 200)
		if len(page.Data) == 0 {
			break
		}
		seen, after = seen+len(page.Data), page.Data[len(page.Data)-1].ID
	}
	if seen != 6 {
		t.Errorf("%d files on all pages", seen)
	}
	if l := call(t, s, http.MethodGet, "/v1/files?purpose=user_data&order=asc", nil, 200); len(l.Data) != 3 || l.Data[2].ID != o.ID {
		t.Errorf("%+v", l.Data)
	}
	call(t, s, http.MethodGet, "/v1/files?limit=10001", nil, 400)
	if got := call(t, s, http.MethodGet, "/v1/files/"+o.ID, nil, 200); got.ID != o.ID || got.Filename != "hello.txt" {
		t.Errorf("%+v", got)
	}
	// The command line of openai 0.27 asks whether its local path is the id of a file.
	for _, id := range []string{"file-nothing", "%2Fabs%2Fpath", "%2Fabs%2F..%2Fpath", "a%20b.jsonl", "..%2F..%2Fx"} {
		got := call(t, s, http.MethodGet, "/v1/files/"+id, nil, 404)
		plain, _ := url.PathUnescape(id)
		if strings.HasPrefix(id, "%2Fabs%2Fp") && got.Error.Message != "No such File object: "+plain {
			t.Errorf("%s: %s", id, got.Error.Message)
		}
	}
	if resp, text := s.Call(http.MethodDelete, "/v1/files/"+o.ID, nil); resp.StatusCode != 200 || strings.TrimSpace(text) != `{"id":"`+o.ID+`","object":"file","deleted":true}` {
		t.Errorf("%s %s", resp.Status, text)
	}
	call(t, s, http.MethodGet, "/v1/files/"+o.ID+"/content", nil, 404)
}

func TestContent(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	o := send(t, s, "/v1/files", 200, field{"file", "0123456789", "Zahlen \"ü\".html"}, field{"purpose", "assistants", ""})
	for ranged, want := range map[string]struct {
		status     int
		text, part string
	}{
		"":                {200, "0123456789", ""},
		"bytes=2-4":       {206, "234", "bytes 2-4/10"},
		"bytes=-3":        {206, "789", "bytes 7-9/10"},
		"bytes=8-":        {206, "89", "bytes 8-9/10"},
		"bytes=10-":       {416, "", "bytes */10"},
		"bytes=a":         {416, "", ""},
		"bytes=0-0,9-9,z": {416, "", ""},
	} {
		h := map[string]string{"Authorization": "Bearer " + s.Key}
		if ranged != "" {
			h["Range"] = ranged
		}
		resp, text := s.CallWith(h, http.MethodGet, "/v1/files/"+o.ID+"/content", nil)
		if resp.StatusCode != want.status || want.status < 400 && text != want.text || resp.Header.Get("Content-Range") != want.part {
			t.Errorf("%q: %s %q %v", ranged, resp.Status, text, resp.Header)
		}
		if want.status < 400 {
			for key, value := range map[string]string{
				"Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename="Zahlen ___.html"; filename*=utf-8''Zahlen%20%22%C3%BC%22.html`,
				"X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes", "Content-Length": fmt.Sprint(len(want.text)),
			} {
				if got := resp.Header.Get(key); got != value {
					t.Errorf("%s: %s, want %s", key, got, value)
				}
			}
		}
	}
}

func TestUploads(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	line := `{"prompt": "a", "completion": "b"}` + "\n"
	whole := strings.Repeat(line, 4)
	begin := func(purpose string, n int) object {
		t.Helper()
		return call(t, s, http.MethodPost, "/v1/uploads", map[string]any{"filename": "a.jsonl", "purpose": purpose, "bytes": n, "mime_type": "text/jsonl"}, 200)
	}
	u := begin("fine-tune", len(whole))
	if u.Status != "pending" || u.ExpiresAt != testkit.Epoch.Add(time.Hour).Unix() || u.File != nil {
		t.Errorf("%+v", u)
	}
	part := func(id, data string, status int) object {
		t.Helper()
		return send(t, s, "/v1/uploads/"+id+"/parts", status, field{"data", data, "blob"})
	}
	second := part(u.ID, whole[50:], 200)
	first := part(u.ID, whole[:50], 200)
	if e := part(u.ID, "x", 400).Error; !strings.Contains(e.Message, "more than the") {
		t.Errorf("%+v", e)
	}
	sum := md5.Sum([]byte(whole))
	complete := func(id string, body map[string]any, status int) object {
		t.Helper()
		return call(t, s, http.MethodPost, "/v1/uploads/"+id+"/complete", body, status)
	}
	order := []string{first.ID, second.ID}
	for want, body := range map[string]map[string]any{
		"part_ids":            {},
		"made for 140":        {"part_ids": []string{first.ID}},
		"named twice":         {"part_ids": []string{first.ID, first.ID}},
		"no part 'part_x'":    {"part_ids": []string{first.ID, "part_x"}},
		"Check their order":   {"part_ids": order, "md5": strings.Repeat("0", 32)},
		"Check their order, ": {"part_ids": []string{second.ID, first.ID}, "md5": hex.EncodeToString(sum[:])},
	} {
		if e := complete(u.ID, body, 400).Error; !strings.Contains(e.Message, want) {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	done := complete(u.ID, map[string]any{"part_ids": order, "md5": hex.EncodeToString(sum[:])}, 200)
	if done.Status != "completed" || done.File == nil || done.File.Bytes != int64(len(whole)) || done.File.Status != "processed" {
		t.Fatalf("%+v %+v", done, done.File)
	}
	if _, text := s.Call(http.MethodGet, "/v1/files/"+done.File.ID+"/content", nil); text != whole {
		t.Errorf("%q", text)
	}
	if e := part(u.ID, "x", 400).Error; !strings.Contains(e.Message, "is completed") {
		t.Errorf("%+v", e)
	}
	// Gigabytes that are not as they should be are kept, with the reason.
	u = begin("fine-tune", 3)
	bad := complete(u.ID, map[string]any{"part_ids": []string{part(u.ID, "abc", 200).ID}}, 200)
	if bad.File.Status != "error" || !strings.Contains(bad.File.StatusDetails, "Line 1") {
		t.Errorf("%+v", bad.File)
	}
	u = begin("user_data", 10)
	part(u.ID, "12345", 200)
	if c := call(t, s, http.MethodPost, "/v1/uploads/"+u.ID+"/cancel", nil, 200); c.Status != "cancelled" {
		t.Errorf("%+v", c)
	}
	call(t, s, http.MethodPost, "/v1/uploads/"+u.ID+"/cancel", nil, 400)
	u = begin("user_data", 10)
	part(u.ID, "12345", 200)
	s.Clock.Advance(time.Hour)
	if e := part(u.ID, "12345", 400).Error; !strings.Contains(e.Message, "is expired") {
		t.Errorf("%+v", e)
	}
	for want, body := range map[string]map[string]any{
		"'filename' is a required property":      {"purpose": "assistants", "bytes": 1, "mime_type": "a/b"},
		"'x' is not one of ['fine-tune'":         {"filename": "a", "purpose": "x", "bytes": 1, "mime_type": "a/b"},
		"0 is less than the minimum of 1":        {"filename": "a", "purpose": "vision", "bytes": 0, "mime_type": "a/b"},
		"is greater than the maximum of 8589934": {"filename": "a", "purpose": "vision", "bytes": int64(8<<30) + 1, "mime_type": "a/b"},
	} {
		if e := call(t, s, http.MethodPost, "/v1/uploads", body, 400).Error; !strings.Contains(e.Message, want) {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	call(t, s, http.MethodPost, "/v1/uploads/upload_nothing/cancel", nil, 404)
	if e := call(t, s, http.MethodPost, "/v1/uploads/upload_nothing/complete", map[string]any{"part_ids": []string{}}, 404).Error; e.Message != "No such Upload object: upload_nothing" {
		t.Errorf("%+v", e)
	}
}

// A client that goes away in the middle of its file leaves nothing, and one that announces more than there is room for is told at once.
func TestInterrupted(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Config: map[string]any{"files.organization_limit": "3MB"}})
	contentType, body := form(t, field{"purpose", "assistants", ""}, field{"file", strings.Repeat("x", 2<<20), "a.txt"})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", s.Key, contentType, body.Len())
	if _, err := conn.Write(body.Bytes()[:1<<20]); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	send(t, s, "/v1/files", 200, field{"purpose", "assistants", ""}, field{"file", strings.Repeat("x", 2<<20), "a.txt"})
	if l := call(t, s, http.MethodGet, "/v1/files", nil, 200); len(l.Data) != 1 {
		t.Errorf("%+v", l.Data)
	}
	if e := send(t, s, "/v1/files", 400, field{"purpose", "assistants", ""}, field{"file", strings.Repeat("x", 2<<20), "a.txt"}).Error; e.Code == nil || *e.Code != "storage_limit_exceeded" {
		t.Errorf("%+v", e)
	}
	resp, text := s.Call(http.MethodGet, "/api/files/storage", nil)
	if resp.StatusCode != 200 || !slices.Contains(strings.Split(strings.Trim(text, "{}\n"), ","), fmt.Sprintf(`"bytes":%d`, 2<<20)) {
		t.Errorf("%s %s", resp.Status, text)
	}
}

// Two servers of one database share a store: what one has taken the other gives, and deletes.
func TestTwoServers(t *testing.T) {
	shared := map[string]any{"blob.url": "file://" + t.TempDir()}
	db := storetest.Postgres(t)
	one := testkit.Start(t, testkit.Options{DB: db, Config: shared})
	two := testkit.Start(t, testkit.Options{DB: db, Config: shared})
	two.Key = one.Key
	o := send(t, one, "/v1/files", 200, field{"purpose", "user_data", ""}, field{"file", "hello", "a.txt"})
	if resp, text := two.Call(http.MethodGet, "/v1/files/"+o.ID+"/content", nil); text != "hello" {
		t.Fatalf("%s %s", resp.Status, text)
	}
	call(t, two, http.MethodDelete, "/v1/files/"+o.ID, nil, 200)
	call(t, one, http.MethodGet, "/v1/files/"+o.ID+"/content", nil, 404)
}
