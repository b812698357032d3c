package api_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest/npmtest"
)

const generator = "openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3 @types/node@20.19.25"

// A client that a generator of others made from the document works: what it sends is taken, and what it is answered has
// the types that the document promises, as far as a strict compiler and a running program can tell.
func TestGeneratedClient(t *testing.T) {
	taskstest.Full(t) // a compiler of others takes most of its time; TestOpenAPI holds answers against the document each time
	t.Parallel()
	p := newPlant(t, func(c *api.Config) { c.Wait = 0 })
	parked := tasks.Account{Name: "parked", Realm: "parked.example", AppID: "wx2", Fingerprint: "f"}
	must(t, p.Join(t.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{account, parked}))
	must(t, p.Hold(t.Context(), tasks.Hold{Realm: parked.Realm, AppID: parked.AppID, Code: tasks.AccountHeld, Reason: "r", Until: p.now().Add(1 << 40)}))
	p.works(func(c tasks.Claim) tasks.Result {
		if c.Source == "bad.jpg" {
			r := failure(tasks.Corrupt, 0)
			r.Attempt = &tasks.Attempt{Started: p.now(), Code: tasks.Corrupt}
			return r
		}
		return success("M-" + c.Source)
	})
	dir := t.TempDir()
	document, program := filepath.Join(dir, "openapi.json"), "testdata/client.ts"
	must(t, os.WriteFile(document, []byte(p.call(shop, "GET", "/openapi.json", "").body), 0o600))
	program, err := filepath.Abs(program)
	must(t, err)
	if faults := npmtest.Run(t, generator, "testdata/generate.mjs", document, program, dir, p.url, shop); faults != "" {
		t.Error(faults)
	}
}
