package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// detached submits n files for nobody to work on, and returns an action that cancels them all.
func (g *ground) detached(n int) tasks.Action {
	g.t.Helper()
	g.fill(n, 5000)
	if r := g.run("upload", "--detach", g.media); r.code != tasks.ExitOK {
		g.t.Fatal(r.err)
	}
	return tasks.Action{Kind: tasks.ActionCancel, By: "li@desk", Choice: tasks.ChoiceOf(tasks.Filter{States: []tasks.State{tasks.Queued}}), Matched: n}
}

func TestStopFromAnotherTerminal(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	cancel := g.detached(3)
	l := g.ledger()
	begun, err := l.BeginAction(t.Context(), cancel, "another terminal", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if r := g.run("list", "actions"); !regexp.MustCompile(` li@desk +cancel +running +0 +0 +3 +\{"state":\["queued"\]\}`).MatchString(r.out) {
		t.Errorf("while it runs:\n%s%s", r.out, r.err)
	}
	r := g.run("cancel", "--action", begun.ID.String())
	if r.code != tasks.ExitOK || !strings.Contains(r.err, "stopped the cancel of li@desk: it came to 0 of 3 uploads, the others are as they were") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
	r = g.run("cancel", "--action", begun.ID.String())
	if r.code != tasks.ExitNothing || !strings.Contains(r.err, "that cancel had ended: it is stopped") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
	if r := g.run("list", "actions"); !strings.Contains(r.out, " stopped ") {
		t.Errorf("afterwards:\n%s%s", r.out, r.err)
	}
	if r := g.run("list", "--state", "queued", "--output", "json"); len(g.outcomes(r.out)) != 3 {
		t.Errorf("they are not as they were:\n%s", r.out)
	}
}

func TestChosen(t *testing.T) {
	t.Parallel()
	one := uuid.New()
	for want, f := range map[string]tasks.Filter{
		`{"state":["failed"]}`:             {States: []tasks.State{tasks.Failed}},
		`{"ids":["` + one.String() + `"]}`: {IDs: []uuid.UUID{one}},
		"3 named uploads":                  {IDs: []uuid.UUID{one, uuid.New(), uuid.New()}},
	} {
		if got := chosen(tasks.Action{Choice: tasks.ChoiceOf(f)}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestInterruptStopsTheAction(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	var said strings.Builder
	a := &app{Streams: Streams{Err: &said, Env: g.env}}
	s, err := a.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	uploads := make([]tasks.Upload, 300) // more than a step takes
	for i := range uploads {
		uploads[i] = tasks.Upload{Producer: "local", Account: "default", Type: tasks.Image, Source: "a.jpg"}
	}
	if _, err := s.ledger.Accept(t.Context(), uploads); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	b := &bulk{kind: tasks.ActionCancel, done: "canceled"}
	act, err := b.carry(ctx, a, s, tasks.Action{Kind: b.kind, Choice: tasks.ChoiceOf(tasks.Filter{}), Matched: 300}, func([]tasks.Taken) { interrupt() })
	var exit *exitError
	if !errors.As(err, &exit) || exit.code != tasks.ExitInterrupted || said.String() != "stopped: 100 of 300 are canceled, the others are as they were\n" {
		t.Errorf("%v after %q", err, said.String())
	}
	if kept, err := s.ledger.Action(t.Context(), act.ID); err != nil || kept.State != tasks.ActionStopped || kept.Done != 100 {
		t.Errorf("%+v, %v", kept, err)
	}
}

// What a command began whose process was killed, run goes on with; what HTTP begins, run carries out.
func TestRunCarriesActionsOut(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	cancel := g.detached(3)
	l := g.ledger()
	killed, err := l.BeginAction(t.Context(), cancel, "a process that was killed", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	s := g.serve()
	follow := func(id uuid.UUID) (a tasks.Action) {
		t.Helper()
		taskstest.Until(t, "the action ends", func() bool {
			return s.ask("GET", "/v1/actions/"+id.String(), "", &a) == http.StatusOK && a.State != tasks.ActionRunning
		})
		return a
	}
	a := follow(killed.ID)
	done := a.Done // the others ran before it came to them
	if a.State != tasks.ActionDone || a.By != "li@desk" {
		t.Errorf("%+v", a)
	}
	taskstest.Until(t, "all have their outcome", func() bool {
		status, err := l.Status(t.Context())
		return err == nil && status.Counts[tasks.Succeeded]+status.Counts[tasks.Canceled] == 3
	})
	var again tasks.Action
	body := fmt.Sprintf(`{"filter":{"since":%q},"again":true}`, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
	if status := s.ask("POST", "/v1/retries", body, &again); status != http.StatusAccepted || again.Matched != 3 {
		t.Fatalf("%d %+v, after %d were canceled", status, again, done)
	}
	if a := follow(again.ID); a.Done != 3 || a.State != tasks.ActionDone {
		t.Errorf("%+v", a)
	}
	taskstest.Until(t, "all were uploaded anew", func() bool {
		status, err := l.Status(t.Context())
		return err == nil && status.Counts[tasks.Succeeded] == 3
	})
}
