package tasks

import (
	"path"
	"regexp"
	"strings"
)

// Glob chooses sources. ** matches anything, * anything within one part of the path, ? one character of it. A glob matches
// the path below the storage root. Of a local source it matches the absolute path or any end of it, of an object
// s3://bucket/key. A pattern without a slash matches the last part of the path. The zero Glob matches all sources.
type Glob struct {
	whole *regexp.Regexp
	end   *regexp.Regexp
	base  bool
}

// Bounds of a pattern: its bytes, and its wildcards, each of which costs time with every source that is looked at.
const (
	MaxGlob      = 1024
	MaxWildcards = 16
)

// ParseGlob reads a pattern. It returns Invalid for one that is too long or has too many wildcards.
func ParseGlob(s string) (Glob, error) {
	switch {
	case s == "":
		return Glob{}, nil
	case len(s) > MaxGlob:
		return Glob{}, invalidSource("a pattern has at most %d bytes", MaxGlob)
	}
	g := Glob{base: !strings.Contains(s, "/")}
	var b strings.Builder
	wildcards, last := 0, ""
	for rest := s; rest != ""; {
		token, expr := globToken(rest)
		rest = rest[len(token):]
		if token[0] == '*' || token[0] == '?' {
			if token == last && token != "?" { // twice in a row matches the same as once
				continue
			}
			wildcards++
		}
		b.WriteString(expr)
		last = token
	}
	if wildcards > MaxWildcards {
		return Glob{}, invalidSource("a pattern has at most %d wildcards: narrow it by the beginning of the path", MaxWildcards)
	}
	var err error
	if g.whole, err = regexp.Compile(`(?s)\A(?:` + b.String() + `)\z`); err == nil {
		g.end, err = regexp.Compile(`(?s)(?:\A|/)(?:` + b.String() + `)\z`)
	}
	if err != nil {
		return Glob{}, invalidSource("%q is not a pattern", clip(s))
	}
	return g, nil
}

// globToken returns the next token of a pattern, and the expression for it.
func globToken(s string) (token, expr string) {
	switch {
	case strings.HasPrefix(s, "**/"):
		return "**/", `(?:.*/)?`
	case strings.HasPrefix(s, "**"):
		return "**", `.*`
	case s[0] == '*':
		return "*", `[^/]*`
	case s[0] == '?':
		return "?", `[^/]`
	}
	end := strings.IndexAny(s, "*?")
	if end < 0 {
		end = len(s)
	}
	return s[:end], regexp.QuoteMeta(s[:end])
}

// Match reports whether the glob chooses a source, given as Source.String wrote it.
func (g Glob) Match(source string) bool {
	if g.whole == nil {
		return true
	}
	s, err := ParseSource(source)
	switch {
	case err != nil:
		return g.whole.MatchString(source)
	case g.base:
		return g.whole.MatchString(path.Base(s.Path))
	case s.Bucket != "":
		return g.whole.MatchString(s.String())
	case s.Root != "":
		return g.end.MatchString(path.Join(s.Root, s.Path))
	}
	return g.whole.MatchString(s.Path)
}
