package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
)

// DecodeOption changes what Decode accepts.
type DecodeOption int

const (
	// Strict refuses members that T does not have.
	Strict DecodeOption = iota + 1
)

var (
	lenientOptions json.Options
	strictOptions  = json.RejectUnknownMembers(true)
)

// Decode reads the request's JSON body into a T. null stands for the zero value, as old programs send
// "stop": null. Its errors are 400, 413 and 415 faults with OpenAI's texts that name the field at fault.
//
// A union type implements json.UnmarshalerFrom and returns WrongType, what a validator says (Required, OneOf,
// AnyOf, …), or a *fault.Error, when it does not like what it sees. Their param is relative to it ("[0].type"):
// the path to it is added here.
func Decode[T any](w http.ResponseWriter, r *http.Request, options ...DecodeOption) (T, error) {
	var v T
	buf := getBuffer()
	defer putBuffer(buf)
	if err := readBody(buf, w, r); err != nil {
		return v, err
	}
	opts := lenientOptions
	for _, o := range options {
		if o == Strict {
			opts = strictOptions
		}
	}
	if err := json.Unmarshal(buf.Bytes(), &v, opts); err != nil {
		return v, decodeError(err, reflect.TypeFor[T](), buf.Bytes())
	}
	return v, nil
}

// readBody reads a JSON body of at most the route's size.
func readBody(buf *bytes.Buffer, w http.ResponseWriter, r *http.Request) error {
	if ct := r.Header.Get("Content-Type"); ct != "" && ct != "application/json" {
		// curl -d without a header says that it is a form; people who do that mean JSON.
		switch mt, _, err := mime.ParseMediaType(ct); {
		case err == nil && (mt == "application/json" || strings.HasSuffix(mt, "+json") || mt == "application/x-www-form-urlencoded" || mt == "text/plain"):
		default:
			return unsupportedType(ct, "application/json")
		}
	}
	body, limit := newPatientReader(w, r)
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	if r.ContentLength > 0 {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(body, limit+1))
	switch {
	case n > limit:
		return tooLarge(limit)
	case err != nil:
		return bodyError(err)
	case n == 0:
		return fault.New(fault.Invalid, "You must provide a JSON body. (HINT: the request's body is empty.)")
	}
	callOf(r.Context()).keepRequest(buf.Bytes())
	return nil
}

func unsupportedType(got, want string) error {
	return fault.New(fault.Unsupported, "Unsupported content type: '%s'. This API method only accepts '%s' requests, but you specified the header "+
		"'Content-Type: %s'. Please try again with a supported content type.", clip(got), want, clip(got)).WithCode("unsupported_content_type")
}

func (c *call) maxBody() int64 {
	if c.route != nil && c.route.MaxBody > 0 {
		return c.route.MaxBody
	}
	return c.api.opts.MaxBody
}

func tooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "The request's body is larger than the limit of %s. Send less at once.", bytesText(limit)).
		WithCode("request_too_large")
}

func bytesText(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB (%d bytes)", n>>20, n)
	}
	return fmt.Sprintf("%d bytes", n)
}

// bodyError says why a body could not be read to its end.
func bodyError(err error) error {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fault.New(fault.Invalid, "The request's body did not arrive in time.").WithCode("body_timeout").WithCause(err)
	}
	return fault.New(fault.Canceled, "The request's body ended early.").WithCause(err)
}

// patientReader reads a body for as long as bytes keep coming: each silence is bounded, not the whole.
type patientReader struct {
	r        io.Reader
	rc       *http.ResponseController
	timeout  time.Duration
	deadline time.Time
}

// newPatientReader returns a reader of r's body and the most bytes that it may have.
func newPatientReader(w http.ResponseWriter, r *http.Request) (*patientReader, int64) {
	p := &patientReader{r: r.Body, rc: http.NewResponseController(w), timeout: DefaultReadTimeout}
	limit := int64(DefaultMaxBody)
	if c := callOf(r.Context()); c != nil {
		p.timeout, p.deadline, limit = c.api.opts.ReadTimeout, c.bodyDeadline, c.maxBody()
	}
	return p, limit
}

func (p *patientReader) Read(b []byte) (int, error) {
	// Moving the deadline costs a timer operation: now and then is enough.
	if now := time.Now(); p.deadline.Sub(now) < p.timeout-p.timeout/8 {
		p.deadline = now.Add(p.timeout)
		// Recorders of tests know no deadlines; connections do.
		_ = p.rc.SetReadDeadline(p.deadline)
	}
	n, err := p.r.Read(b)
	if err == io.EOF {
		// From here on the connection is only watched for the client's leaving, for as long as it takes.
		// After any other error the deadline stays, or net/http would wait for the rest of the body.
		_ = p.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}

// typeError is what WrongType returns until Decode knows where it happened.
type typeError struct {
	want string
	got  jsontext.Kind
}

func (e *typeError) Error() string { return "expected " + e.want + ", but got " + kindText(e.got) }

// oneOf begins what a union wants.
const oneOf = "one of "

// WrongType is for UnmarshalJSONFrom methods: it says what was wanted where dec.PeekKind() gave got: a type of
// JSON ("object"), or of a union's forms "one of a string or array of objects". Decode adds the path.
func WrongType(want string, got jsontext.Kind) error { return &typeError{want: want, got: got} }

// decodeError turns an error of package json into OpenAI's texts. t is the type that was decoded into.
func decodeError(err error, t reflect.Type, body []byte) error {
	var syn *jsontext.SyntacticError
	if errors.As(err, &syn) {
		return syntaxError(syn, t, body)
	}
	var sem *json.SemanticError
	if !errors.As(err, &sem) {
		if fault.As(err) != nil {
			return err
		}
		return notJSON(body, int64(len(body)), err)
	}
	param := paramPath(t, sem.JSONPointer)
	if p, ok := errors.AsType[*placed](sem.Err); ok {
		return p.within(param).WithCause(err)
	}
	var fe *fault.Error
	if errors.As(sem.Err, &fe) {
		located := *fe
		located.Param = joinParam(param, fe.Param)
		return &located
	}
	if sem.Err == json.ErrUnknownName {
		return unknownMember(param)
	}
	var te *typeError
	if errors.As(sem.Err, &te) && param != "" && strings.HasPrefix(te.want, oneOf) {
		return AnyOf(param, "invalid_type", "Expected %s, but got %s instead.", te.want, kindText(te.got))
	}
	value := valueAt(body, sem.JSONPointer)
	if errors.Is(sem.Err, strconv.ErrRange) {
		return fault.Param(param, "%s is outside the range of numbers that fit here - '%s'", value, dotted(param)).WithCode("invalid_value").WithCause(err)
	}
	want := typeText(sem.GoType)
	if te != nil {
		want = te.want
	}
	if param == "" {
		return fault.New(fault.Invalid, "%s is not of type '%s'", value, want).WithCode("invalid_type").WithCause(err)
	}
	return fault.Param(param, "%s is not of type '%s' - '%s'", value, want, dotted(param)).WithCode("invalid_type").WithCause(err)
}

// unknownMember reports an argument, or a member of an object within one, that nothing knows.
func unknownMember(param string) error {
	i := strings.LastIndexByte(param, '.')
	if i < 0 {
		return fault.Param(param, "Unrecognized request argument supplied: %s", param).WithCode("unknown_parameter")
	}
	return fault.Param(param, "Additional properties are not allowed (%s was unexpected) - '%s'", pythonString(param[i+1:]), dotted(param[:i])).
		WithCode("unknown_parameter")
}

func syntaxError(syn *jsontext.SyntacticError, t reflect.Type, body []byte) error {
	if errors.Is(syn.Err, jsontext.ErrDuplicateName) {
		param := paramPath(t, syn.JSONPointer)
		return fault.Param(param, "Duplicate request argument supplied: %s. Send each argument once.", param).
			WithCode("duplicate_parameter").WithCause(syn)
	}
	return notJSON(body, syn.ByteOffset, syn)
}

func notJSON(body []byte, offset int64, err error) error {
	where := "The body ends before the JSON does"
	if offset >= 0 && offset < int64(len(body)) {
		line := 1 + bytes.Count(body[:offset], []byte{'\n'})
		column := offset - int64(bytes.LastIndexByte(body[:offset], '\n'))
		where = fmt.Sprintf("The first mistake is at line %d, column %d", line, column)
	}
	return fault.New(fault.Invalid, "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "+
		"your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. %s.)", where).WithCause(err)
}

// paramPath writes a JSON pointer as OpenAI does, "messages[0].content". The type tells an index from
// a numeric name; where it cannot, a number is taken for an index.
func paramPath(t reflect.Type, ptr jsontext.Pointer) string {
	var b strings.Builder
	for tok := range ptr.Tokens() {
		for t != nil && t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		index := isDigits(tok)
		switch {
		case t == nil:
		case t.Kind() == reflect.Map:
			index, t = false, t.Elem()
		case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
			t = t.Elem()
		case t.Kind() == reflect.Struct && !index:
			t = fieldType(t, tok)
		default:
			t = nil
		}
		switch {
		case index:
			b.WriteString("[" + tok + "]")
		case b.Len() > 0:
			b.WriteString("." + tok)
		default:
			b.WriteString(tok)
		}
		if b.Len() > 256 {
			break // it goes into a message: a hostile name need not
		}
	}
	s := b.String()
	return s[:min(len(s), 256)]
}

func isDigits(s string) bool {
	return s != "" && len(s) < 10 && strings.Trim(s, "0123456789") == ""
}

// fieldType returns the type of the member called name, or nil.
func fieldType(t reflect.Type, name string) reflect.Type {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name || tag == "" && f.Name == name {
			return f.Type
		}
		if f.Anonymous && tag == "" {
			in := f.Type
			if in.Kind() == reflect.Pointer {
				in = in.Elem()
			}
			if in.Kind() == reflect.Struct {
				if ft := fieldType(in, name); ft != nil {
					return ft
				}
			}
		}
	}
	return nil
}

func joinParam(outer, inner string) string {
	switch {
	case inner == "":
		return outer
	case outer == "" || inner[0] == '[':
		return outer + inner
	default:
		return outer + "." + inner
	}
}

// typeText is JSON Schema's name of what a Go type wants to see.
func typeText(t reflect.Type) string {
	if t == nil {
		return "object"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeText(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "integer"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.String:
		return "string"
	case reflect.Slice, reflect.Array:
		return "array"
	default:
		return "object"
	}
}

// kindText says what JSON had instead.
func kindText(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{', '}':
		return "an object"
	case '[', ']':
		return "an array"
	default:
		return "something else"
	}
}
