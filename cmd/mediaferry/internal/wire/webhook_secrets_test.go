package wire

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

// member is a process of a fleet: its data dir is its own, ledger and key are shared.
func member(t *testing.T, ledgerURL, key string) *Stack {
	t.Helper()
	c := config.Config{DataDir: t.TempDir(), LedgerURL: config.DSN(ledgerURL), TokenKey: tasks.Secret(strings.Repeat(key, 32))}
	s := New(c, slog.New(slog.DiscardHandler))
	t.Cleanup(s.Close)
	if err := s.OpenLedger(t.Context(), ledger.Options{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func signing(t *testing.T, s *Stack, producer string) []string {
	t.Helper()
	secrets, err := s.webhookSecrets(t.Context(), producer)
	if err != nil {
		t.Fatal(err)
	}
	var plain []string
	for _, secret := range secrets {
		plain = append(plain, secret.Reveal())
	}
	return plain
}

// Two workers with data dirs of their own sign alike, for each producer, and while a secret is changed.
func TestAFleetSignsAlike(t *testing.T) {
	t.Parallel()
	url := ledgertest.Postgres(t)
	a, b := member(t, url, "01"), member(t, url, "01")
	for _, s := range []*Stack{a, b} {
		if err := s.OpenKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	alike := func(when string) {
		t.Helper()
		for _, producer := range []string{"shop", "crm", "local", operator} {
			if diff := cmp.Diff(signing(t, a, producer), signing(t, b, producer)); diff != "" {
				t.Errorf("%s, %q: %s", when, producer, diff)
			}
		}
	}
	alike("at first")
	if cmp.Equal(signing(t, a, "shop"), signing(t, a, "crm")) || !cmp.Equal(signing(t, a, "local"), signing(t, a, operator)) {
		t.Error("a producer's secret is not its own")
	}
	if r, err := b.Secrets.Rotate(t.Context(), "shop"); err != nil || r.UnderWay || r.Alone {
		t.Fatal(r, err)
	}
	alike("during a rotation")
	if n := len(signing(t, a, "shop")); n != 2 {
		t.Errorf("%d secrets sign during a rotation", n)
	}
	if err := a.Secrets.FinishRotation(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	alike("after it")
}

// While its secret can't be read a producer's webhooks wait; those of others are signed.
func TestALostKeyKeepsOneProducerWaiting(t *testing.T) {
	t.Parallel()
	url := ledgertest.Postgres(t)
	before, after := member(t, url, "01"), member(t, url, "02")
	if err := before.OpenKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	signing(t, before, "shop")
	signing(t, before, "crm")
	if err := after.OpenKeys(t.Context()); tasks.CodeOf(err) != tasks.Invalid {
		t.Fatal(err)
	}
	if err := after.ReplaceLostKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := after.Secrets.Rotate(t.Context(), "shop"); err != nil || !r.Alone {
		t.Fatal(r, err)
	}
	signing(t, after, "shop")
	_, err := after.webhookSecrets(t.Context(), "crm")
	if e := tasks.AsError(err); e.Code != tasks.Invalid || !strings.Contains(e.Hint, "webhook rotate --producer crm") {
		t.Errorf("%v", err)
	}
	use, err := after.KeyUse(t.Context())
	if diff := cmp.Diff(KeyUse{Current: 1, Lost: 1}, use); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// Each node of a cluster has tokens of its own.
func TestTokensOfEveryNodeAreCounted(t *testing.T) {
	t.Parallel()
	s := member(t, ledgertest.SQLite(t), "01")
	if err := s.OpenKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Redis = redistest.StartCluster(t, 3).Client()
	const tokens = 12 // no node has all
	for i := range tokens {
		if err := s.Redis.HSet(t.Context(), s.prefix()+"token:"+strconv.Itoa(i), "data", "of an unknown key").Err(); err != nil {
			t.Fatal(err)
		}
	}
	use, err := s.KeyUse(t.Context())
	if diff := cmp.Diff(KeyUse{Lost: tokens}, use); err != nil || diff != "" {
		t.Error(err, diff)
	}
}
