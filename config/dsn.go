package config

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"
)

// DSN is a URL that may have a password. Every way of printing it hides the user information, and each parameter that is not
// known to be harmless. Reveal returns the whole URL.
type DSN string

// harmless are the parameters of a DSN that are shown.
var harmless = []string{"master", "db", "tls", "sslmode", "search_path", "application_name", "connect_timeout",
	"target_session_attrs", "statement_timeout"}

// Reveal returns the URL itself.
func (d DSN) Reveal() string { return string(d) }

// String returns the URL without its secrets.
func (d DSN) String() string {
	scheme, rest, ok := strings.Cut(string(d), "://")
	switch {
	case d == "" || d == Embedded || strings.HasPrefix(string(d), "sqlite:"):
		return string(d)
	case !ok:
		return "***"
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, asked := strings.Cut(rest, "?")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = "***@" + rest[at+1:]
	}
	if !asked {
		return scheme + "://" + rest
	}
	var shown []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.Contains(harmless, name) {
			pair = name + "=***"
		}
		shown = append(shown, pair)
	}
	return scheme + "://" + rest + "?" + strings.Join(shown, "&")
}

// GoString is String, so that %#v reveals nothing either.
func (d DSN) GoString() string { return `"` + d.String() + `"` }

// LogValue is String, for slog.
func (d DSN) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalText encodes String.
func (d DSN) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Command is a program and its arguments, which may hold a password. Every way of printing it shows the program alone.
type Command []string

// String returns the program, and *** for the arguments.
func (c Command) String() string {
	if len(c) < 2 {
		return strings.Join(c, "")
	}
	return c[0] + " ***"
}

// GoString is String, so that %#v reveals nothing either.
func (c Command) GoString() string { return strconv.Quote(c.String()) }

// LogValue is String, for slog.
func (c Command) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText encodes String.
func (c Command) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
