package tasks

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"
)

// shortSecret is the size below which a secret is not looked for in base64 and hex: a few characters are found in any
// text.
const shortSecret = 6

// Hide puts *** in the place of each secret in a foreign text: as it is, and in the encodings in which an upstream may
// send it back, percent-encoded, base64 (also within other text) and hex.
func Hide(text string, secrets ...Secret) string {
	for _, s := range secrets {
		for _, form := range forms(s.Reveal()) {
			text = form.ReplaceAllLiteralString(text, redacted)
		}
	}
	return text
}

// forms are the ways in which a secret is looked for, the longest first.
func forms(secret string) []*regexp.Regexp {
	if secret == "" {
		return nil
	}
	exact := []string{secret}
	escaped := []string{url.QueryEscape(secret), url.PathEscape(secret)}
	if len(secret) < shortSecret {
		return []*regexp.Regexp{pattern(escaped, "(?i)"), pattern(exact, "")}
	}
	b64 := alignments(secret)
	for _, part := range alignments(secret) {
		b64 = append(b64, strings.NewReplacer("+", "-", "/", "_").Replace(part))
	}
	escaped = append(escaped, hex.EncodeToString([]byte(secret)))
	return []*regexp.Regexp{pattern(escaped, "(?i)"), pattern(exact, ""), pattern(b64, "")}
}

func pattern(texts []string, flags string) *regexp.Regexp {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = regexp.QuoteMeta(t)
	}
	return regexp.MustCompile(flags + "(?:" + strings.Join(quoted, "|") + ")")
}

// alignments are what of a secret's base64 does not depend on what stands before and after it. It begins at one of three
// places within a group.
func alignments(secret string) []string {
	var parts []string
	for offset, first := range []int{0, 2, 3} { // the characters that hold bits of what stands before
		b := append(make([]byte, offset), secret...)
		text := base64.RawStdEncoding.EncodeToString(b)
		if len(b)%3 != 0 { // the last one holds bits of what follows
			text = text[:len(text)-1]
		}
		parts = append(parts, text[first:])
	}
	return parts
}
