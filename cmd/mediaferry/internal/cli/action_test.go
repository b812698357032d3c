package cli

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestChosen(t *testing.T) {
	t.Parallel()
	one := uuid.New()
	for want, f := range map[string]tasks.Filter{
		`{"state":["failed"]}`:             {States: []tasks.State{tasks.Failed}},
		`{"ids":["` + one.String() + `"]}`: {IDs: []uuid.UUID{one}},
		"3 named uploads":                  {IDs: []uuid.UUID{one, uuid.New(), uuid.New()}},
	} {
		if got := chosen(nil, tasks.Action{Choice: tasks.ChoiceOf(f)}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestInterruptStopsTheAction(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	a := &app{Streams: Streams{Err: &said, Env: []string{"MEDIAFERRY_DATA_DIR=" + t.TempDir()}}}
	s, err := a.openLedger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	uploads := make([]tasks.Upload, 300) // more than a step takes
	for i := range uploads {
		uploads[i] = tasks.Upload{Producer: "local", Account: "default", Type: tasks.Image, Source: "a.jpg"}
	}
	if _, err := s.Ledger.Accept(t.Context(), uploads); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	b := &actionFlags{kind: tasks.ActionCancel}
	act, err := b.carryOut(ctx, a, s, tasks.Action{Kind: b.kind, Choice: tasks.ChoiceOf(tasks.Filter{}), Matched: 300}, func([]tasks.Taken) { interrupt() })
	var done *exit.Error
	if !errors.As(err, &done) || done.Code != tasks.ExitInterrupted || said.String() != "stopped: 100 of 300 are canceled, the others are as they were\n" {
		t.Errorf("%v after %q", err, said.String())
	}
	if kept, err := s.Ledger.Action(t.Context(), act.ID); err != nil || kept.State != tasks.ActionStopped || kept.Done != 100 {
		t.Errorf("%+v, %v", kept, err)
	}
}

func TestBulkAsks(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "yes": true, "\n": false, "no\n": false, "": false} {
		var out strings.Builder
		a := &app{Streams: Streams{In: strings.NewReader(answer), Err: &out}}
		got, err := (&actionFlags{kind: tasks.ActionRetry}).ask(a, 300)
		if got != want || (err == nil) != want || !strings.HasPrefix(out.String(), "retry 300 uploads? [y/N] ") {
			t.Errorf("%q: %v, %v after %q", answer, got, err, out.String())
		}
	}
}

func TestProducerAloneIsNoChoice(t *testing.T) {
	t.Parallel()
	if (filterFlags{Source: "a/**", Producer: "shop"}).empty() || !(filterFlags{Producer: "shop"}).empty() {
		t.Error("what is no choice is taken for one, or the other way round")
	}
}
