package tasks

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error is a failure that somebody can act on. Its Code alone decides whether the upload is tried again, whether the
// account is held, the HTTP status, the exit code and the colour. Everything else is for people.
type Error struct {
	Code       Code
	Op         string        // the step that failed: "open source", "upload media"
	Errcode    int           // WeChat's errcode; 0: WeChat did not send one
	RID        string        // WeChat's request id, which its support asks for
	Err        error         // the cause; must hold no secret
	Hint       string        // what to do about it; empty: the code's own hint serves
	RetryAfter time.Duration // how long the other side asked to wait; 0: it did not say
	Params     Params        // the values of the cause and of Hint; zero: there are none
}

// Error returns "op: cause (errcode N)".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op)
		b.WriteString(": ")
	}
	if e.Err != nil {
		b.WriteString(e.Err.Error())
	} else {
		b.WriteString(e.Code.Meaning())
	}
	if e.Errcode != 0 {
		fmt.Fprintf(&b, " (errcode %d)", e.Errcode)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error of the same code with nothing else in it, so that
// errors.Is(err, &tasks.Error{Code: tasks.NotFound}) asks for the code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && *t == Error{Code: e.Code}
}

// Advice returns Hint, or what the code itself advises.
func (e *Error) Advice() string {
	if e.Hint != "" {
		return e.Hint
	}
	return e.Code.Hint()
}

// Values returns Params, with the sentence of the cause where that is one of ours.
func (e *Error) Values() Params {
	p := e.Params
	if p.Text == nil && e.Errcode == 0 && (p.Rule == "" || p.Detail != "") {
		if texts := textsIn(e.Err); len(texts) > 0 {
			p.Text = texts[0]
		}
	}
	return p
}

// Advise gives the error a hint that has values of its own, as Textf takes them.
func (e *Error) Advise(format string, args ...any) *Error {
	e.Params.Advice = Textf(format, args...)
	e.Hint = e.Params.Advice.Error()
	return e
}

// AsError returns the *Error in err's chain, or wraps err as one of code Internal. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, Err: err}
}

// CodeOf returns the code of the *Error in err's chain. It returns "" for nil, and Internal for any other error.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return AsError(err).Code
}
