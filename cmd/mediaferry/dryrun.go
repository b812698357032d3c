package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

// What would become of a file.
const (
	wouldUpload = "uploaded"
	wouldReuse  = "reused"
	wouldRefuse = "refused"
)

// forecast is what a dry run says of one row.
type forecast struct {
	Line    int             `json:"line"`
	Source  string          `json:"source"`
	Type    tasks.MediaType `json:"type,omitempty"`
	Account string          `json:"account"`
	Would   string          `json:"would_be"`
	Code    tasks.Code      `json:"code,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	Hint    string          `json:"hint,omitempty"`
}

// dryRun says for each row whether it would be uploaded, reused or refused, and what that costs of today's quota.
func (a *app) dryRun(ctx context.Context, g *gatherer, args []string) error {
	rows, closeRows, err := g.rows(ctx, args)
	if err != nil {
		return err
	}
	defer closeRows()
	show, end := forecastPrinter(*g.flags.output, a.Out)
	counts, cost := map[string]int{}, map[string]int{}
	sent := map[tasks.MediaKey]bool{}
	for row := range rows {
		f := g.forecast(ctx, row, sent)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		counts[f.Would]++
		if f.Would == wouldUpload {
			cost[f.Account]++
		}
		if err := show(f); err != nil {
			return err
		}
	}
	if err := end(); err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "%d would be uploaded, %d reused, %d refused%s\n",
		counts[wouldUpload], counts[wouldReuse], counts[wouldRefuse], g.stack.costs(ctx, cost))
	switch {
	case len(counts) == 0:
		a.nothingFound(g.flags)
		return exitCode(tasks.ExitNothing)
	case counts[wouldRefuse] > 0:
		return exitCode(tasks.ExitFailed)
	}
	return nil
}

func forecastPrinter(f format, out io.Writer) (show func(forecast) error, end func() error) {
	if f == asJSON {
		enc := json.NewEncoder(out)
		return func(f forecast) error { return enc.Encode(f) }, func() error { return nil }
	}
	if f == asCSV {
		w := newSheet(out)
		header := w.Write([]string{"line", "source", "type", "account", "would_be", "code", "reason"})
		return func(f forecast) error {
			return errors.Join(header, w.Write([]string{strconv.Itoa(f.Line), f.Source, string(f.Type), f.Account, f.Would, string(f.Code), f.Reason}))
		}, w.end
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FILE\tTYPE\tWOULD BE")
	return func(f forecast) error {
		what := f.Would
		if f.Reason != "" {
			what += ": " + f.Reason
		}
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\n", showSource(f.Source), f.Type, what)
		return err
	}, w.Flush
}

// forecast judges one row. sent remembers the contents met before: only the first of them needs a call.
func (g *gatherer) forecast(ctx context.Context, row manifest.Row, sent map[tasks.MediaKey]bool) forecast {
	f := forecast{Line: row.Line, Source: row.Upload.Source, Account: cmp.Or(row.Upload.Account, g.flags.account)}
	var err error
	f.Type, f.Would, err = g.wouldBe(ctx, row, f.Account, sent)
	if err != nil {
		e := tasks.AsError(err)
		f.Would, f.Code, f.Reason, f.Hint = wouldRefuse, e.Code, e.Error(), e.Advice()
	}
	return f
}

func (g *gatherer) wouldBe(ctx context.Context, row manifest.Row, accountName string, sent map[tasks.MediaKey]bool) (tasks.MediaType, string, error) {
	j, err := g.judge(ctx, row)
	if err != nil {
		return j.Type, "", err
	}
	account, err := g.account(accountName)
	if err != nil {
		return j.Type, "", err
	}
	if g.flags.noReuse || row.Upload.NoReuse {
		return j.Type, wouldUpload, nil
	}
	key := tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: j.Type, Hash: tasks.HashOf(j.bytes)}
	_, err = g.stack.ledger.Media(ctx, key, g.stack.cfg.Worker.FreshMargin)
	switch {
	case err == nil || sent[key]:
		return j.Type, wouldReuse, nil
	case tasks.CodeOf(err) == tasks.NotFound:
		sent[key] = true
		return j.Type, wouldUpload, nil
	default:
		return j.Type, "", err
	}
}

// costs says what so many calls cost of today's quota, account by account.
func (s *stack) costs(ctx context.Context, calls map[string]int) string {
	accounts, err := s.ledger.Accounts(ctx)
	if err != nil {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		i := slices.IndexFunc(accounts, func(a tasks.AccountStatus) bool { return a.Name == name })
		if i < 0 {
			continue
		}
		part := fmt.Sprintf("costs %s of %s, which has made %d today", count(calls[name], "upload call", "upload calls"), name, accounts[i].CallsToday)
		if left, limited := accounts[i].LeftToday(); limited {
			part = fmt.Sprintf("costs %d of %s left today for %s", calls[name], count(left, "call", "calls"), name)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	return "; " + strings.Join(parts, ", ")
}
