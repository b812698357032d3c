package cli

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/tasks"
)

// filterFlags is how people choose uploads, in list, retry and cancel alike.
type filterFlags struct {
	States   []string
	Batch    string
	Account  string
	Kind     string
	Code     string
	Errcode  int
	Producer string
	Search   string
	Source   string
	Metadata []string
	Since    string
	Until    string
}

func (f *filterFlags) add(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.States, "state", nil, "queued, running, waiting, succeeded, failed or canceled (repeatable)")
	flags.StringVar(&f.Batch, "batch", "", "of this batch")
	flags.StringVar(&f.Account, "account", "", "of this account")
	flags.StringVar(&f.Kind, "type", "", "of this media type")
	flags.StringVar(&f.Code, "code", "", "that ended or wait with this code")
	flags.IntVar(&f.Errcode, "errcode", 0, "that ended or wait with this errcode of WeChat")
	flags.StringVar(&f.Producer, "producer", "", "of this producer")
	flags.StringVar(&f.Search, "search", "", "with this in source, filename or external id")
	flags.StringVar(&f.Source, "source", "", "whose source matches this `GLOB`, as 'orders/**/*.jpg'; one without a slash is held against the file's name")
	flags.StringArrayVar(&f.Metadata, "metadata", nil, "with this at the top of their metadata, as `KEY=VALUE` (repeatable)")
	flags.StringVar(&f.Since, "since", "", "submitted since: 2h, 1d, yesterday, 2026-11-27, or a time (RFC 3339)")
	flags.StringVar(&f.Until, "until", "", "submitted before: likewise")
}

// empty reports whether the flags choose nothing, or only a producer.
func (f filterFlags) empty() bool {
	f.Producer = ""
	return reflect.ValueOf(f).IsZero()
}

func (f *filterFlags) filter(now time.Time) (tasks.Filter, error) {
	out := tasks.Filter{
		Producer: f.Producer, Account: f.Account, Type: tasks.MediaType(f.Kind),
		Code: tasks.Code(f.Code), Errcode: f.Errcode, Query: f.Search, Source: f.Source,
	}
	for _, s := range f.States {
		if !slices.Contains(tasks.States[:], tasks.State(s)) {
			return out, exit.Usagef("--state: %q is not one of %v", s, tasks.States)
		}
		out.States = append(out.States, tasks.State(s))
	}
	if f.Kind != "" {
		if _, err := tasks.ParseMediaType(f.Kind); err != nil {
			return out, exit.Usagef("--type: %w", err)
		}
	}
	if f.Batch != "" {
		id, err := uuid.Parse(f.Batch)
		if err != nil {
			return out, exit.Usagef("--batch: %q is not an ID", f.Batch)
		}
		out.Batch = id
	}
	if _, err := tasks.ParseGlob(f.Source); err != nil {
		return out, exit.Usagef("--source: %w", err)
	}
	for _, pair := range f.Metadata {
		key, value, found := strings.Cut(pair, "=")
		if !found || key == "" {
			return out, exit.Usagef("--metadata: %q is not KEY=VALUE", pair)
		}
		if out.Metadata == nil {
			out.Metadata = map[string]string{}
		}
		out.Metadata[key] = value
	}
	return out, f.times(&out, now)
}

func (f *filterFlags) times(out *tasks.Filter, now time.Time) (err error) {
	if out.Since, err = pointInTime(f.Since, now); err != nil {
		return exit.Usagef("--since: %w", err)
	}
	if out.Until, err = pointInTime(f.Until, now); err != nil {
		return exit.Usagef("--until: %w", err)
	}
	if !out.Since.IsZero() && !out.Until.IsZero() && !out.Since.Before(out.Until) {
		return exit.Usagef("--since lies after --until: nothing can match")
	}
	return nil
}

// pointInTime reads a time, a day, or how long ago it was. Days and times without a zone are this machine's.
func pointInTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := span(s); err == nil {
		return now.Add(-d), nil
	}
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch s {
	case "today":
		return midnight, nil
	case "yesterday":
		return midnight.AddDate(0, 0, -1), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: give a span like 2h or 1d, a day like 2026-11-27 or yesterday, or a time like 2026-11-27T15:04:05+08:00", s)
}

// span reads a duration that may begin with days, as 1d or 1d12h.
func span(s string) (time.Duration, error) {
	days, rest, hasDays := strings.Cut(s, "d")
	if !hasDays {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a span", s)
	}
	d := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return d, nil
	}
	more, err := time.ParseDuration(rest)
	return d + more, err
}
