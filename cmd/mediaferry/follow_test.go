package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// TestFollowSeveralAccounts: an account that is held ends the command only once the others have no more to do.
func TestFollowSeveralAccounts(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret}, {AppID: "wx2", Secret: wechattest.DefaultSecret},
	}})
	g.fill(6, 5000)
	g.set("MEDIAFERRY_ACCOUNTS__SECOND__APPID", "wx2")
	g.set("MEDIAFERRY_ACCOUNTS__SECOND__SECRET", "not-the-secret")
	var rows strings.Builder
	rows.WriteString("path,account\n")
	for i, name := range []string{"000/00000.jpg", "000/00001.mp3", "000/00002.mp4", "000/00003.jpg", "000/00004.mp3", "000/00005.mp4"} {
		rows.WriteString(name + "," + []string{"second", "default"}[i%2] + "\n")
	}
	g.write("rows.csv", []byte(rows.String()))
	r := g.run("upload", "--manifest", g.media+"/rows.csv", "--concurrency", "1", "--output", "json")
	if r.code != tasks.ExitAccount {
		t.Fatalf("exit code %d, want %d\n%s", r.code, tasks.ExitAccount, r.err)
	}
	for i, o := range g.outcomes(r.out) {
		want := []tasks.State{tasks.Waiting, tasks.Succeeded}[i%2]
		if o.State != want || o.Account != []string{"second", "default"}[i%2] {
			t.Errorf("row %d of %s is %s, want %s", i, o.Account, o.State, want)
		}
	}
}

// TestExitOf holds the exit code of many outcomes to the order of the help text: each code wins over all after it.
func TestExitOf(t *testing.T) {
	t.Parallel()
	inOrder := []tasks.Outcome{
		{State: tasks.Waiting, Code: tasks.Storage},
		{State: tasks.Failed, Code: tasks.Invalid},
		{State: tasks.Waiting, Code: tasks.AccountHeld},
		{State: tasks.Waiting, Code: tasks.DailyLimit},
		{State: tasks.Failed, Code: tasks.Temporary},
		{State: tasks.Failed, Code: tasks.Corrupt},
		{State: tasks.Succeeded},
	}
	for i, want := range []int{1, 2, 7, 8, 5, 3, 0} {
		those := slices.Clone(inOrder[i:])
		slices.Reverse(those)
		if got := exitOf(those); got != want {
			t.Errorf("%d outcomes from %s %s on: exit code %d, want %d", len(those), inOrder[i].State, inOrder[i].Code, got, want)
		}
	}
	if got := exitOf(nil); got != tasks.ExitNothing {
		t.Errorf("no outcomes: exit code %d, want %d", got, tasks.ExitNothing)
	}
	if got := exitOf([]tasks.Outcome{{State: tasks.Queued}}); got != tasks.ExitTemporary {
		t.Errorf("one that is open: exit code %d, want %d", got, tasks.ExitTemporary)
	}
}

// TestLedgerThatCannotBeWritten: who can't even submit exits 1, and says which file it is about.
func TestLedgerThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.fill(1, 3000)
	if r := g.run("status"); r.code != tasks.ExitOK {
		t.Fatal(r.err)
	}
	g.forge("CREATE TRIGGER full BEFORE INSERT ON uploads BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")
	r := g.run("upload", g.media)
	if r.code != tasks.ExitError || !strings.Contains(r.err, "mediaferry: submit: ") || !strings.Contains(r.err, "disk is full") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
	if n := g.sandbox.Count(uploadPath); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}
