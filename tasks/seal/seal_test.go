package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mediaferry/mediaferry/tasks/seal"
)

func keys(t *testing.T, ks ...byte) *seal.Keys {
	t.Helper()
	var all [][]byte
	for _, k := range ks {
		all = append(all, bytes.Repeat([]byte{k}, seal.KeySize))
	}
	s, err := seal.New(all[0], all[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpen(t *testing.T) {
	t.Parallel()
	text := []byte("whsec_hidden")
	one := keys(t, 1)
	sealed := one.For(seal.WebhookSecrets).Seal(text, "shop/1")
	if bytes.Contains(sealed, text) || bytes.Equal(sealed, one.For(seal.WebhookSecrets).Seal(text, "shop/1")) {
		t.Error("it is readable, or the same each time")
	}
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	for name, c := range map[string]struct {
		keys    *seal.Keys
		purpose string
		sealed  []byte
		row     string
		want    error
	}{
		"as sealed":            {one, seal.WebhookSecrets, sealed, "shop/1", nil},
		"during a rotation":    {keys(t, 2, 1), seal.WebhookSecrets, sealed, "shop/1", nil},
		"another key":          {keys(t, 2), seal.WebhookSecrets, sealed, "shop/1", seal.ErrUnknownKey},
		"two other keys":       {keys(t, 2, 3), seal.WebhookSecrets, sealed, "shop/1", seal.ErrUnknownKey},
		"another row":          {one, seal.WebhookSecrets, sealed, "rival/1", seal.ErrAltered},
		"another purpose":      {one, seal.AccountSecrets, sealed, "shop/1", seal.ErrAltered},
		"changed":              {one, seal.WebhookSecrets, flipped, "shop/1", seal.ErrAltered},
		"cut":                  {one, seal.WebhookSecrets, sealed[:20], "shop/1", seal.ErrAltered},
		"nothing":              {one, seal.WebhookSecrets, nil, "shop/1", seal.ErrAltered},
		"a text as it is":      {one, seal.WebhookSecrets, text, "shop/1", seal.ErrAltered},
		"of a version to come": {one, seal.WebhookSecrets, append([]byte{9}, sealed[1:]...), "shop/1", seal.ErrAltered},
	} {
		got, err := c.keys.For(c.purpose).Open(c.sealed, c.row)
		if !errors.Is(err, c.want) || (c.want == nil) != bytes.Equal(got, text) {
			t.Errorf("%s: %q, %v, want %v", name, got, err, c.want)
		}
	}
}

func TestCurrent(t *testing.T) {
	t.Parallel()
	sealed := keys(t, 1).For(seal.KeyCheck).Seal(nil, "")
	if !keys(t, 1, 2).Current(sealed) || keys(t, 2, 1).Current(sealed) || keys(t, 1).Current(nil) {
		t.Error("the current key is not told from an old one")
	}
	if keys(t, 1).ID() == keys(t, 2).ID() || keys(t, 1, 2).ID() != keys(t, 1).ID() {
		t.Error("IDs")
	}
}

func TestDerived(t *testing.T) {
	t.Parallel()
	a, b := keys(t, 1, 2).Derived(seal.DropInTokens), keys(t, 2).Derived(seal.DropInTokens)
	if len(a) != 2 || !bytes.Equal(a[1], b[0]) || bytes.Equal(a[0], a[1]) || bytes.Equal(b[0], keys(t, 2).Derived(seal.TokenTags)[0]) {
		t.Error("keys of one purpose and secret must be the same, and all others differ")
	}
}

func TestKeySize(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := seal.New(make([]byte, n)); err == nil {
			t.Errorf("%d bytes are taken", n)
		}
	}
	if _, err := seal.New(make([]byte, 32), make([]byte, 5)); err == nil {
		t.Error("a short old key is taken")
	}
}
