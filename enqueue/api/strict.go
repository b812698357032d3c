package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mediaferry/mediaferry/tasks"
)

// Bounds of one request's body.
const (
	maxBody  = 1 << 20          // one JSON object
	bodyTime = 30 * time.Second // to send it
)

func invalid(op, format string, args ...any) error {
	return &tasks.Error{Code: tasks.Invalid, Op: op, Err: fmt.Errorf(format, args...)}
}

// jsonFault says what is wrong with a JSON text, by the field's name where it has one.
func jsonFault(err error) string {
	var wrong *json.UnmarshalTypeError
	var broken *json.SyntaxError
	switch {
	case errors.As(err, &wrong):
		return fmt.Sprintf("%s: want %s, not %s", wrong.Field, wrong.Type, wrong.Value)
	case errors.As(err, &broken):
		return fmt.Sprintf("is not JSON: %v (at byte %d)", broken, broken.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "is not JSON: it ends too early"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// strictBody reads the body of a request that has a JSON one, bounded in size and time, and refuses what is not
// exactly one JSON value. What the value must look like is the schema's matter.
func (s *Server) strictBody(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	if op.RequestBody == nil || op.RequestBody.Content[jsonType] == nil || op.OperationID == opSubmitBatch {
		next(ctx)
		return
	}
	body, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), maxBody+1))
	if err != nil {
		s.fail(ctx, unread(err))
		return
	}
	if len(body) > maxBody {
		s.fail(ctx, tooLarge(maxBody))
		return
	}
	if err := oneValue(body); err != nil && (len(body) > 0 || op.RequestBody.Required) {
		s.fail(ctx, err)
		return
	}
	if _, w := humago.Unwrap(ctx); s.answering(w) != nil {
		return // the connection is gone
	}
	next(&buffered{request: ctx, body: bytes.NewReader(body)})
}

// buffered is a request whose body was read.
type buffered struct {
	request
	body io.Reader
}

// request has a name of its own because huma.Context has a method Context.
type request = huma.Context

func (b *buffered) BodyReader() io.Reader { return b.body }

// Unwrap returns the request as it came.
func (b *buffered) Unwrap() huma.Context { return b.request }

func oneValue(body []byte) error {
	var v json.RawMessage
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&v); err != nil {
		return invalid("read request", "body: %s", jsonFault(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("read request", "body: there is something after the JSON value")
	}
	return nil
}

func tooLarge(limit int64) error {
	p := *problemOf(invalid("read request", "body: has over %d bytes", limit))
	p.Status = http.StatusRequestEntityTooLarge
	return &p
}

// unread says why a body could not be read to its end.
func unread(err error) error {
	var slow net.Error
	var large *http.MaxBytesError
	p := *problemOf(invalid("read request", "body: it broke off"))
	p.Status = http.StatusBadRequest
	switch {
	case errors.As(err, &large):
		return tooLarge(large.Limit)
	case errors.As(err, &slow) && slow.Timeout():
		p = *problemOf(invalid("read request", "body: it came too slowly"))
		p.Status = http.StatusRequestTimeout
	}
	return &p
}
