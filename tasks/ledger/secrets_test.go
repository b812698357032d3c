package ledger

import (
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

var secretContract = []testCase{
	{"secrets are listed by name, the newest first, and dropped by age", func(h *harness) {
		add := func(name string, number int) {
			h.Helper()
			s := tasks.SealedSecret{Kind: tasks.WebhookSecret, Name: name, Number: number, Sealed: []byte(name)}
			must(h, h.AddSecret(h.Context(), s))
			if code := tasks.CodeOf(h.AddSecret(h.Context(), s)); code != tasks.Conflict {
				h.Errorf("the same again: %q", code)
			}
		}
		add("shop", 1)
		add("rival", 1)
		add("shop", 2)
		list := func(name string) (rows []string) {
			all, err := h.Secrets(h.Context(), tasks.WebhookSecret, name)
			must(h, err)
			for _, s := range all {
				rows = append(rows, s.Row())
				if string(s.Sealed) != s.Name || s.Created.IsZero() {
					h.Errorf("%+v", s)
				}
			}
			return rows
		}
		same(h, "all", list(""), []string{"webhook/rival/1", "webhook/shop/2", "webhook/shop/1"})
		same(h, "of one", list("shop"), []string{"webhook/shop/2", "webhook/shop/1"})
		n, err := h.DropSecrets(h.Context(), tasks.WebhookSecret, "shop", 2)
		must(h, err)
		same(h, "dropped", n, 1)
		same(h, "left", list(""), []string{"webhook/rival/1", "webhook/shop/2"})
		same(h, "of a name without any", len(list("none")), 0)
	}},
	{"a secret is encrypted anew once", func(h *harness) {
		s := tasks.SealedSecret{Kind: tasks.WebhookSecret, Name: "shop", Number: 1, Sealed: []byte("old")}
		must(h, h.AddSecret(h.Context(), s))
		for _, text := range []string{"new", "too late"} {
			s.Sealed = []byte(text)
			must(h, h.ReplaceSecret(h.Context(), s, []byte("old")))
		}
		all, err := h.Secrets(h.Context(), tasks.WebhookSecret, "shop")
		must(h, err)
		same(h, "kept", string(all[0].Sealed), "new")
	}},
	{"the first key check is kept until it is replaced", func(h *harness) {
		check := func(first, want string) {
			h.Helper()
			got, err := h.KeyCheck(h.Context(), []byte(first))
			must(h, err)
			same(h, "check", string(got), want)
		}
		check("", "")
		check("a", "a")
		check("b", "a")
		must(h, h.SetKeyCheck(h.Context(), []byte("c")))
		check("b", "c")
	}},
}

// Two processes that make a producer's first secret at once end up with one.
func TestOneOfTwoProcessesMakesASecret(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	other := h.another()
	made := make(chan error, 2)
	together(2, func(i int) {
		l := []*Ledger{h.Ledger, other}[i]
		made <- l.AddSecret(h.Context(), tasks.SealedSecret{Kind: tasks.WebhookSecret, Name: "shop", Number: 1, Sealed: []byte{byte(i)}})
	})
	a, b := <-made, <-made
	if (a == nil) == (b == nil) {
		t.Errorf("%v, %v", a, b)
	}
}
