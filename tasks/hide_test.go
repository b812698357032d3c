package tasks_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestHide(t *testing.T) {
	t.Parallel()
	const secret = "hunter2/+ &=Z?~ü"
	for name, encode := range map[string]func(string) string{
		"plain":        func(s string) string { return s },
		"query":        url.QueryEscape,
		"query, lower": func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
		"path":         url.PathEscape,
		"base64":       func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64, raw":  func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
		"base64, URL":  func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
		"hex":          func(s string) string { return hex.EncodeToString([]byte(s)) },
		"HEX":          func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	} {
		for _, around := range []string{"%s", "a%s", "ab%sz", "abc%szz", "user:%s, and more"} {
			text := encode(fmt.Sprintf(around, secret))
			shown := tasks.Hide("it was ["+text+"] so", "other secret", secret)
			if !strings.Contains(shown, "***") || !strings.HasPrefix(shown, "it was [") || !strings.HasSuffix(shown, "] so") {
				t.Errorf("%s of %q: %s", name, around, shown)
			}
			// Of 16 bytes no more than the bits at the borders of base64 may be left.
			if left := len(shown) - len("it was [***] so"); left > len(encode(strings.ReplaceAll(around, "%s", "")))+6 {
				t.Errorf("%s of %q: %d bytes are left: %s", name, around, left, shown)
			}
		}
	}
	if got := tasks.Hide("a b c", "", "b"); got != "a *** c" {
		t.Errorf("a short one: %s", got)
	}
}

func FuzzHide(f *testing.F) {
	f.Add("text with s3cret-word", "s3cret-word")
	f.Fuzz(func(t *testing.T, text, secret string) {
		shown := tasks.Hide(text+secret+text, tasks.Secret(secret))
		if len(secret) > 3 && !strings.Contains(secret, "*") && strings.Contains(shown, secret) {
			t.Errorf("%q shows %q", shown, secret)
		}
	})
}
