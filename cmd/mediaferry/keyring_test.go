package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Who can be reached from elsewhere needs a key; the person at this machine is given one.
func TestFirstKey(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	path := filepath.Join(g.dir, "data", localKeyFile)
	g.set("MEDIAFERRY_LISTEN", "0.0.0.0:0")
	for _, command := range []string{"run", "serve"} {
		if r := g.run(command); r.code != tasks.ExitUsage || !strings.Contains(r.err, "there is no API key") {
			t.Errorf("%s ends with %d: %s", command, r.code, r.err)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a key was made all the same")
	}
	g.set("MEDIAFERRY_LISTEN", "127.0.0.1:0")
	s := g.serve()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	log := s.process.log.String()
	if !strings.Contains(log, path) || strings.Contains(log, s.key) {
		t.Errorf("the log:\n%s", log)
	}
	var page struct{ Uploads []tasks.Outcome }
	if status := s.ask("GET", "/v1/uploads", "", &page); status != 200 || page.Uploads == nil {
		t.Errorf("the key is answered %d, %+v", status, page)
	}
}

func TestConfiguredKeys(t *testing.T) {
	t.Parallel()
	hash := tasks.KeyHash("viewer-key-0123456789").String()
	c, err := config.Load("", []string{
		"HOME=/nowhere", "MEDIAFERRY_PRODUCERS__SHOP__KEY=shop-key-0123456789", "MEDIAFERRY_PRODUCERS__SHOP__MAX_PRIORITY=bulk",
		"MEDIAFERRY_PRODUCERS__SHOP__RATE_PER_MINUTE=7", "MEDIAFERRY_PRODUCERS__EYE__KEY_HASH=sha256:" + hash, "MEDIAFERRY_PRODUCERS__EYE__ROLE=viewer",
		"MEDIAFERRY_PRODUCERS__INBOX__CALLBACK_URL=https://example.com/h",
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := configuredKeys(c)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%+v, %v", keys, err)
	}
	if k := keys[0]; k.Name != "eye" || k.Role != tasks.RoleViewer || k.Hash.String() != hash || k.BulkOnly {
		t.Errorf("%+v", k)
	}
	if k := keys[1]; k.Name != "shop" || k.Role != tasks.RoleProducer || k.Hash != tasks.KeyHash("shop-key-0123456789") || !k.BulkOnly || k.RatePerMinute != 7 {
		t.Errorf("%+v", k)
	}
}
