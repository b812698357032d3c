package cli_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// detached submits n files for nobody to work on, and returns an action that cancels them all.
func detached(g *clitest.Ground, n int) tasks.Action {
	g.T.Helper()
	g.Fill(n, 5000)
	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK {
		g.T.Fatal(r.Err)
	}
	return tasks.Action{Kind: tasks.ActionCancel, By: "li@desk", Choice: tasks.ChoiceOf(tasks.Filter{States: []tasks.State{tasks.Queued}}), Matched: n}
}

func TestStopFromAnotherTerminal(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	cancel := detached(g, 3)
	l := g.Ledger()
	begun, err := l.BeginAction(t.Context(), cancel, "another terminal", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if r := g.Run("list", "actions"); !regexp.MustCompile(` li@desk +cancel +running +0 +0 +3 +\{"state":\["queued"\]\}`).MatchString(r.Out) {
		t.Errorf("while it runs:\n%s%s", r.Out, r.Err)
	}
	r := g.Run("cancel", "--action", begun.ID.String())
	if r.Code != tasks.ExitOK || !strings.Contains(r.Err, "stopped the cancel of li@desk: it came to 0 of 3 uploads, the others are as they were") {
		t.Errorf("exit code %d\n%s", r.Code, r.Err)
	}
	r = g.Run("cancel", "--action", begun.ID.String())
	if r.Code != tasks.ExitNothing || !strings.Contains(r.Err, "that cancel had ended: it is stopped") {
		t.Errorf("exit code %d\n%s", r.Code, r.Err)
	}
	if r := g.Run("list", "actions"); !strings.Contains(r.Out, " stopped ") {
		t.Errorf("afterwards:\n%s%s", r.Out, r.Err)
	}
	if r := g.Run("list", "--state", "queued", "--output", "json"); len(g.Outcomes(r.Out)) != 3 {
		t.Errorf("they are not as they were:\n%s", r.Out)
	}
}

// What a command began whose process was killed, run goes on with; what HTTP begins, run carries out.
func TestRunCarriesActionsOut(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	cancel := detached(g, 3)
	l := g.Ledger()
	killed, err := l.BeginAction(t.Context(), cancel, "a process that was killed", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	s := g.Serve()
	follow := func(id uuid.UUID) (a tasks.Action) {
		t.Helper()
		taskstest.Until(t, "the action ends", func() bool {
			return s.Ask("GET", "/v1/actions/"+id.String(), "", &a) == http.StatusOK && a.State != tasks.ActionRunning
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
	if status := s.Ask("POST", "/v1/retries", body, &again); status != http.StatusAccepted || again.Matched != 3 {
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
