package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// well is a WeChat that answers as it is told.
type well struct{ refuses error }

func (w well) Probe(_ context.Context, account string) (tasks.Probe, error) {
	return tasks.Probe{Account: account, Used: 7, DailyLimit: 100}, w.refuses
}

func (well) Token(context.Context, string) (tasks.TokenStatus, error) {
	return tasks.TokenStatus{Source: "stable_token", ExpiresAt: time.Unix(1_900_000_000, 0).UTC()}, nil
}

// hold makes the account held, as a worker does.
func (p *plant) hold() {
	p.Helper()
	must(p.T, p.Hold(p.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.AccountHeld, Errcode: 40125, Reason: "invalid appsecret", Until: p.now().Add(time.Hour)}))
}

// The hold of an account is lifted only where WeChat takes it, or can't be asked from here.
func TestResumeAsksFirst(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		says   error
		status int
		want   tasks.Resumption
	}{
		"takes it":       {nil, http.StatusOK, tasks.Resumption{Resumed: true, Asked: true}},
		"refuses it":     {&tasks.Error{Code: tasks.AccountHeld, Op: "get token", Errcode: 40125}, tasks.AccountHeld.Status(), tasks.Resumption{}},
		"is not reached": {&tasks.Error{Code: tasks.Unreachable, Op: "get token"}, http.StatusOK, tasks.Resumption{Resumed: true}},
		"is not known":   {&tasks.Error{Code: tasks.NoWork, Op: "find account"}, http.StatusOK, tasks.Resumption{Resumed: true, Why: "it is not in the settings here"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, func(c *api.Config) { c.Asker = well{tc.says} })
			p.hold()
			r := p.call(boss, "POST", "/v1/accounts/default/resume", "")
			got := tasks.Resumption{}
			if r.status == http.StatusOK {
				got = answered[tasks.Resumption](t, r, http.StatusOK)
			}
			if name == "is not reached" && got.Why != "" {
				got.Why = ""
			}
			if r.status != tc.status || got != tc.want {
				t.Errorf("%d %+v, want %d %+v: %s", r.status, got, tc.status, tc.want, r.body)
			}
			left := p.call(boss, "GET", "/v1/accounts", "").body
			if held := strings.Contains(left, `"hold"`); held == tc.want.Resumed {
				t.Errorf("it is held: %v\n%s", held, left)
			}
		})
	}
}

// What is told of a token never reaches a producer.
func TestTokensAreTheStaffs(t *testing.T) {
	t.Parallel()
	p := newPlant(t, func(c *api.Config) { c.Asker = well{} })
	for key, want := range map[string]bool{shop: false, eye: true, boss: true} {
		if r := p.call(key, "GET", "/v1/accounts", ""); strings.Contains(r.body, "stable_token") != want {
			t.Errorf("%s gets %s", key, r.body)
		}
	}
	if got := answered[tasks.Probe](t, p.call(boss, "POST", "/v1/accounts/default/probe", ""), http.StatusOK); got.Used != 7 || got.DailyLimit != 100 {
		t.Errorf("%+v", got)
	}
}
