package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestProblemOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err        error
		status     int
		code       tasks.Code
		detail     string
		retryAfter string
	}{
		{errors.New("pq: the password of x is y"), 500, tasks.Internal, "", ""},
		{fmt.Errorf("look: %w", &tasks.Error{Code: tasks.NotFound, Op: "look up upload"}), 404, tasks.NotFound, "look up upload: there is no such thing", ""},
		{&tasks.Error{Code: tasks.Unavailable, Op: "x"}, 503, tasks.Unavailable, "x: ", "1"},
		{&tasks.Error{Code: tasks.TooMany, Op: "x", RetryAfter: 1100 * time.Millisecond}, 429, tasks.TooMany, "x: ", "2"},
		{fmt.Errorf("wait: %w", context.Canceled), 503, tasks.Unavailable, "given up", "1"},
		{tooLarge(7), 413, tasks.Invalid, "over 7 bytes", ""},
		{&tasks.Error{Code: tasks.Unauthorized, Op: "x"}, 401, tasks.Unauthorized, "x: ", ""},
	} {
		p := problemOf(tc.err)
		h := p.GetHeaders()
		if p.Status != tc.status || p.Code != tc.code || !strings.Contains(p.Detail, tc.detail) || tc.detail == "" && p.Detail != "" ||
			h.Get("Retry-After") != tc.retryAfter || (h.Get("WWW-Authenticate") != "") != (tc.status == http.StatusUnauthorized) {
			t.Errorf("%v is answered %+v, %v", tc.err, p, h)
		}
	}
}
