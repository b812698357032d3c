package main

import (
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
