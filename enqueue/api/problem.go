package api

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mediaferry/mediaferry/tasks"
)

// Problem is every failure, as RFC 9457 has it. Title, status and code go together; detail says what happened here.
type Problem struct { //nolint:errname // the name that RFC 9457 gives it
	Title      string       `json:"title" doc:"What this code means" example:"there is no such thing"`
	Status     int          `json:"status" doc:"The HTTP status" example:"404"`
	Detail     string       `json:"detail,omitempty" doc:"What happened" example:"look up upload: there is no such upload"`
	Code       tasks.Code   `json:"code" doc:"What to decide by: it never changes its meaning" example:"not_found"`
	Hint       string       `json:"hint,omitempty" doc:"What to do about it"`
	Errcode    int          `json:"errcode,omitzero" doc:"WeChat's errcode, if the failure is WeChat's"`
	RID        string       `json:"rid,omitempty" doc:"WeChat's request id, which its support asks for"`
	RetryAfter int          `json:"retry_after,omitzero" doc:"Seconds to wait, as in the header Retry-After"`
	RequestID  string       `json:"request_id,omitempty" doc:"Names the log lines of this request"`
	Errors     []FieldError `json:"errors,omitempty" doc:"What is wrong with which field"`
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Location string `json:"location,omitempty" doc:"Where it is" example:"body.type"`
	Message  string `json:"message" doc:"What is wrong with it"`
}

// problemOf turns an error into an answer. Only it does that.
func problemOf(err error) *Problem {
	var known *Problem
	if errors.As(err, &known) {
		return known
	}
	e := tasks.AsError(err)
	if isCanceled(err) {
		e = &tasks.Error{Code: tasks.Unavailable, Op: e.Op, Err: tasks.Textf("the request was given up before it was answered")}
	}
	p := &Problem{
		Title: e.Code.Meaning(), Status: e.Code.Status(), Detail: e.Error(), Code: e.Code, Hint: e.Advice(),
		Errcode: e.Errcode, RID: e.RID, RetryAfter: int(math.Ceil(e.RetryAfter.Seconds())),
	}
	if e.Code == tasks.Internal { // its text may have anything
		p.Detail = ""
	}
	if p.RetryAfter == 0 && (p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable) {
		p.RetryAfter = 1
	}
	return p
}

func isCanceled(err error) bool {
	var e *tasks.Error
	return !errors.As(err, &e) && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}

// Error returns the detail, or the title if the detail is empty.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail
}

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns Retry-After if the caller should wait.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// ContentType returns the media type of problems.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// frameworkProblem turns what huma itself refuses (parameters, and bodies that can't be read or don't fit their schema)
// into a Problem.
func frameworkProblem(m *huma.ErrorModel) *Problem {
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		return tooLarge(maxBody)
	case http.StatusRequestTimeout:
		return slowBody()
	case http.StatusInternalServerError: // huma's own: the body broke off
		p := brokenBody()
		p.Status = m.Status
		return p
	}
	e := &tasks.Error{Code: codeOfStatus(m.Status), Op: "read request", Err: errors.New(m.Detail)}
	var fields []FieldError
	var texts []string
	for _, d := range m.Errors {
		if d == nil {
			continue
		}
		fields = append(fields, FieldError{d.Location, d.Message})
		texts = append(texts, strings.TrimSpace(d.Location+": "+d.Message))
	}
	if len(texts) > 0 {
		e.Err = errors.New(strings.Join(texts, "; "))
	}
	p := problemOf(e)
	p.Errors = fields
	if m.Status != 0 {
		p.Status = m.Status
	}
	return p
}

// codeOfStatus returns the code for an HTTP status of huma's.
func codeOfStatus(status int) tasks.Code {
	switch {
	case status == http.StatusUnauthorized:
		return tasks.Unauthorized
	case status == http.StatusForbidden:
		return tasks.Forbidden
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return tasks.NotFound
	case status == http.StatusTooManyRequests:
		return tasks.TooMany
	case status == http.StatusServiceUnavailable:
		return tasks.Unavailable
	case status >= http.StatusInternalServerError:
		return tasks.Internal
	default:
		return tasks.Invalid
	}
}

// writeProblem answers with err outside of huma.
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := *problemOf(err)
	p.RequestID = requestID(r.Context())
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // an error means that the connection is gone
}
