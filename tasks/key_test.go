package tasks_test

import (
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestKeyHash(t *testing.T) {
	t.Parallel()
	h := tasks.KeyHash("a-key")
	got, err := tasks.ParseKeyHash("sha256:" + h.String())
	if err != nil || got != h {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", h.String(), "sha256:", "sha256:00", "sha256:" + h.String() + "00", "sha256:" + strings.Repeat("x", 64), "sha512:" + h.String()} {
		if _, err := tasks.ParseKeyHash(bad); tasks.CodeOf(err) != tasks.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestParseRole(t *testing.T) {
	t.Parallel()
	for _, r := range []tasks.Role{tasks.RoleProducer, tasks.RoleOperator, tasks.RoleViewer} {
		if got, err := tasks.ParseRole(string(r)); got != r || err != nil {
			t.Errorf("%s: %s, %v", r, got, err)
		}
	}
	if _, err := tasks.ParseRole("admin"); tasks.CodeOf(err) != tasks.Invalid {
		t.Error(err)
	}
}
