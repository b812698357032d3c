package tasks_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestError(t *testing.T) {
	t.Parallel()
	e := &tasks.Error{Code: tasks.Rejected, Op: "upload media", Errcode: 40004, RID: "6242d22c", Err: io.ErrUnexpectedEOF}
	wrapped := fmt.Errorf("carry: %w", e)

	if got, want := wrapped.Error(), "carry: upload media: unexpected EOF (errcode 40004)"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if !errors.Is(wrapped, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if !errors.Is(wrapped, &tasks.Error{Code: tasks.Rejected}) || errors.Is(wrapped, &tasks.Error{Code: tasks.Missing}) {
		t.Error("errors.Is does not ask for the code")
	}
	if errors.Is(e, tasks.ErrFenced) || !errors.Is(fmt.Errorf("x: %w", tasks.ErrFenced), tasks.ErrFenced) {
		t.Error("errors.Is confuses the fence")
	}
	if got := tasks.CodeOf(wrapped); got != tasks.Rejected {
		t.Errorf("CodeOf = %q", got)
	}
	if got := tasks.CodeOf(io.EOF); got != tasks.Internal {
		t.Errorf("CodeOf a foreign error = %q", got)
	}
	if tasks.AsError(nil) != nil || tasks.CodeOf(nil) != "" {
		t.Error("nil has a code")
	}
	if got := (&tasks.Error{Code: tasks.Empty, Hint: "say something"}).Advice(); got != "say something" {
		t.Errorf("Advice = %q", got)
	}
	if got := (&tasks.Error{Code: tasks.Empty}).Advice(); got != tasks.Empty.Hint() {
		t.Errorf("Advice = %q", got)
	}
}

// Every code that the package declares has a row: a code without one would quietly behave as Internal.
func TestCodes(t *testing.T) {
	t.Parallel()
	all := []tasks.Code{
		tasks.Temporary, tasks.Unknown, tasks.Internal, tasks.Changed, tasks.MinuteLimit, tasks.DailyLimit, tasks.AccountHeld, tasks.TokenRefused,
		tasks.Rejected, tasks.Defect, tasks.Unsupported, tasks.TooLarge, tasks.TooLong, tasks.Corrupt, tasks.Empty, tasks.Missing, tasks.Denied,
		tasks.Poison, tasks.Deadline, tasks.Stopped, tasks.Storage, tasks.NoWork, tasks.Twin, tasks.Busy,
		tasks.Invalid, tasks.Conflict, tasks.NotFound, tasks.Unauthorized, tasks.Forbidden, tasks.TooMany, tasks.Unavailable,
	}
	for _, c := range all {
		if c != tasks.Internal && c.Meaning() == tasks.Internal.Meaning() {
			t.Errorf("%s has no row", c)
		}
		if c.Status() < 400 || c.Status() > 599 {
			t.Errorf("%s answers with status %d", c, c.Status())
		}
		if c.Retryable() != (c.Reaction() != tasks.ReactFail) {
			t.Errorf("%s: Retryable contradicts its reaction", c)
		}
	}
	for c, want := range map[tasks.Code]int{
		tasks.AccountHeld: 7, tasks.DailyLimit: 8, tasks.MinuteLimit: 8, tasks.Temporary: 5, tasks.Rejected: 3, tasks.Corrupt: 3, tasks.Invalid: 2, tasks.Unavailable: 1,
	} {
		if got := c.Exit(); got != want {
			t.Errorf("%s exits with %d, want %d", c, got, want)
		}
	}
}

func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	const value = "wx-appsecret-0123456789"
	s := tasks.Secret(value)
	type config struct{ Secret tasks.Secret }
	encoded, err := json.Marshal(config{s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "config", config{s})
	for _, text := range []string{
		fmt.Sprint(s), fmt.Sprintf("%s %v %q %#v %+v", s, s, s, s, config{s}), fmt.Sprintf("%#v", config{s}), string(encoded), log.String(),
	} {
		if strings.Contains(text, value) {
			t.Errorf("revealed in %s", text)
		}
	}
	if s.Reveal() != value || tasks.Secret("").String() != "" {
		t.Error("a secret does not give its value back")
	}
}
