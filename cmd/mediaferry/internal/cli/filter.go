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
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
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
			return out, exit.Usage(words.Fail("choose.state", "State", strconv.Quote(s), "Known", fmt.Sprint(tasks.States)))
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
			return out, exit.Usage(words.Fail("choose.batch", "ID", strconv.Quote(f.Batch)))
		}
		out.Batch = id
	}
	if _, err := tasks.ParseGlob(f.Source); err != nil {
		return out, exit.Usagef("--source: %w", err)
	}
	for _, pair := range f.Metadata {
		key, value, found := strings.Cut(pair, "=")
		if !found || key == "" {
			return out, exit.Usage(words.Fail("choose.metadata", "Pair", strconv.Quote(pair)))
		}
		if out.Metadata == nil {
			out.Metadata = map[string]string{}
		}
		out.Metadata[key] = value
	}
	return out, f.times(&out, now)
}

func (f *filterFlags) times(out *tasks.Filter, now time.Time) (err error) {
	if out.Since, err = tasks.ParseWhen(f.Since, now); err != nil {
		return exit.Usagef("--since: %w", err)
	}
	if out.Until, err = tasks.ParseWhen(f.Until, now); err != nil {
		return exit.Usagef("--until: %w", err)
	}
	if !out.Since.IsZero() && !out.Until.IsZero() && !out.Since.Before(out.Until) {
		return exit.Usage(words.Fail("choose.order"))
	}
	return nil
}
