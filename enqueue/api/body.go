package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Bounds of one request's body.
const (
	maxBody  = 1 << 20          // bytes of one JSON object
	bodyTime = 30 * time.Second // to send it
)

// decodeJSON decodes a whole body. Huma has validated its fields against the schema before.
func decodeJSON(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return errors.New(jsonFault(err))
	}
	return nil
}

func invalid(op, format string, args ...any) error {
	return &tasks.Error{Code: tasks.Invalid, Op: op, Err: tasks.Textf(format, args...)}
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

func tooLarge(limit int64) *Problem {
	return bodyProblem(http.StatusRequestEntityTooLarge, "body: has over %d bytes", limit)
}

func slowBody() *Problem { return bodyProblem(http.StatusRequestTimeout, "body: it came too slowly") }

func brokenBody() *Problem { return bodyProblem(http.StatusBadRequest, "body: it broke off") }

func bodyProblem(status int, format string, args ...any) *Problem {
	p := problemOf(invalid("read request", format, args...))
	p.Status = status
	return p
}

// unread says why a body could not be read to its end.
func unread(err error) error {
	var slow net.Error
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge(large.Limit)
	case errors.As(err, &slow) && slow.Timeout():
		return slowBody()
	}
	return brokenBody()
}
