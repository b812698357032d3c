package wechat

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/tasks"
)

// maxText bounds a foreign text in an error, in bytes.
const maxText = 240

const hidden = "***"

var (
	secretParam = regexp.MustCompile(`(?i)((?:access_token|secret|appsecret)["']?\s*[=:]\s*["']?)[^&\s"']+`)
	anyWord     = regexp.MustCompile(`[A-Za-z0-9_-]+`)
)

// secretLength is the length from which a word with a digit may be a secret: a secret has 32 characters, a token over 100, a rid 26.
const secretLength = 30

// scrub makes a foreign text fit for errors and logs: one line of at most maxText bytes, without the given secrets and
// without anything else that looks like a token or a secret.
func scrub(text string, secrets ...tasks.Secret) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, text)
	text = tasks.Hide(text, secrets...)
	text = secretParam.ReplaceAllString(text, "${1}"+hidden)
	text = anyWord.ReplaceAllStringFunc(text, func(w string) string {
		if len(w) >= secretLength && strings.ContainsAny(w, "0123456789") {
			return hidden
		}
		return w // a long name, like access_clientip_is_not_registered
	})
	return clip(strings.Join(strings.Fields(text), " "), maxText)
}

// clip cuts s to at most limit bytes without cutting a character.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// fault is an error with a text that may be shown. It unwraps to the error of the caller's context, if that has ended. It
// never unwraps to the original, which may have a URL, and with it a token.
type fault struct {
	text string
	why  error
}

func (f *fault) Error() string { return f.text }
func (f *fault) Unwrap() error { return f.why }

// plain returns err without the parts that must not be shown.
func plain(err error, secrets ...tasks.Secret) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // its own text is the whole URL
	}
	return &fault{text: scrub(err.Error(), secrets...)}
}

// ended returns the error of a call whose caller's context has ended. It wraps ctx.Err().
func ended(ctx context.Context) error {
	return &fault{text: scrub(context.Cause(ctx).Error()), why: ctx.Err()}
}
