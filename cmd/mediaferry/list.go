package main

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/tasks"
)

// filterFlags is how people choose uploads.
type filterFlags struct {
	states                                       []string
	batch, account, kind, code, producer, search string
	errcode                                      int
	since, until                                 string
}

func (f *filterFlags) add(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.states, "state", nil, "queued, running, waiting, succeeded, failed or canceled (repeatable)")
	flags.StringVar(&f.batch, "batch", "", "of this batch")
	flags.StringVar(&f.account, "account", "", "of this account")
	flags.StringVar(&f.kind, "type", "", "of this media type")
	flags.StringVar(&f.code, "code", "", "that ended or wait with this code")
	flags.IntVar(&f.errcode, "errcode", 0, "that ended or wait with this errcode of WeChat")
	flags.StringVar(&f.producer, "producer", "", "of this producer")
	flags.StringVar(&f.search, "search", "", "with this in source, filename or external id")
	flags.StringVar(&f.since, "since", "", "submitted since: a time (RFC 3339) or a span, as 2h")
	flags.StringVar(&f.until, "until", "", "submitted before: likewise")
}

func (f *filterFlags) filter(now time.Time) (tasks.Filter, error) {
	out := tasks.Filter{
		Producer: f.producer, Account: f.account, Type: tasks.MediaType(f.kind),
		Code: tasks.Code(f.code), Errcode: f.errcode, Query: f.search,
	}
	for _, s := range f.states {
		if !known(tasks.State(s)) {
			return out, usagef("--state: %q is not one of %v", s, tasks.States)
		}
		out.States = append(out.States, tasks.State(s))
	}
	if f.kind != "" {
		if _, err := tasks.ParseMediaType(f.kind); err != nil {
			return out, usagef("--type: %w", err)
		}
	}
	if f.batch != "" {
		id, err := uuid.Parse(f.batch)
		if err != nil {
			return out, usagef("--batch: %q is not an ID", f.batch)
		}
		out.Batch = id
	}
	var err error
	if out.Since, err = pointInTime(f.since, now); err != nil {
		return out, usagef("--since: %w", err)
	}
	if out.Until, err = pointInTime(f.until, now); err != nil {
		return out, usagef("--until: %w", err)
	}
	return out, nil
}

func known(s tasks.State) bool {
	for _, k := range tasks.States {
		if k == s {
			return true
		}
	}
	return false
}

// pointInTime reads a time, or how long ago it was.
func pointInTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%q is neither a time like 2026-01-31T15:04:05+08:00 nor a span like 2h", s)
	}
	return t, nil
}

func (a *app) listCommand() *cobra.Command {
	var (
		f      filterFlags
		output *format
		limit  int
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List uploads, the newest first",
		Example: `  mediaferry list --state failed --since 24h
  mediaferry list --batch 0190… --output csv > outcomes.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			p := newPrinter(*output, a.Out)
			rows, err := s.each(cmd.Context(), filter, limit, p.outcome)
			if err != nil {
				return err
			}
			if err := p.end(); err != nil {
				return err
			}
			if rows == 0 {
				fmt.Fprintln(a.Err, "no uploads match")
				return &exitError{code: tasks.ExitNothing}
			}
			return nil
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many rows; 0: all")
	output = outputFlag(cmd)
	return cmd
}
