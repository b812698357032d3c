package wire

import (
	"testing"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
)

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
