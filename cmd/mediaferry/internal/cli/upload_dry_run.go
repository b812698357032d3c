package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/intake"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
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
func (a *app) dryRun(ctx context.Context, g *intake.Gatherer, format output.Format, args []string) error {
	rows, closeRows, err := g.Rows(ctx, args)
	if err != nil {
		return err
	}
	defer closeRows()
	p := output.NewRows(format, a.Out, forecastColumns)
	counts, cost := map[string]int{}, map[string]int{}
	sent := map[tasks.MediaKey]bool{}
	for row := range rows {
		f := forecastOf(ctx, g, row, sent)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		counts[f.Would]++
		if f.Would == wouldUpload {
			cost[f.Account]++
		}
		if err := p.Print(f); err != nil {
			return err
		}
	}
	if err := p.End(); err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "%d would be uploaded, %d reused, %d refused%s\n",
		counts[wouldUpload], counts[wouldReuse], counts[wouldRefuse], costs(ctx, g.Stack, cost))
	switch {
	case len(counts) == 0:
		g.Request.From.SayNothing(a.Err)
		return exit.With(tasks.ExitNothing)
	case counts[wouldRefuse] > 0:
		return exit.With(tasks.ExitFailed)
	}
	return nil
}

var forecastColumns = output.Columns[forecast]{
	Headings: []string{"FILE", "TYPE", "WOULD BE"},
	Cells: func(f forecast) []string {
		what := f.Would
		if f.Reason != "" {
			what += ": " + f.Reason
		}
		return []string{output.Source(f.Source), string(f.Type), what}
	},
	CSVNames: []string{"line", "source", "type", "account", "would_be", "code", "reason"},
	CSVCells: func(f forecast) []string {
		return []string{strconv.Itoa(f.Line), f.Source, string(f.Type), f.Account, f.Would, string(f.Code), f.Reason}
	},
}

// forecastOf judges one row. sent remembers the contents met before: only the first of them needs a call.
func forecastOf(ctx context.Context, g *intake.Gatherer, row manifest.Row, sent map[tasks.MediaKey]bool) forecast {
	f := forecast{Line: row.Line, Source: row.Upload.Source, Account: cmp.Or(row.Upload.Account, g.Request.Account)}
	var err error
	f.Type, f.Would, err = wouldBe(ctx, g, row, f.Account, sent)
	if err != nil {
		e := tasks.AsError(err)
		f.Would, f.Code, f.Reason, f.Hint = wouldRefuse, e.Code, e.Error(), e.Advice()
	}
	return f
}

func wouldBe(ctx context.Context, g *intake.Gatherer, row manifest.Row, accountName string, sent map[tasks.MediaKey]bool) (tasks.MediaType, string, error) {
	j, err := g.Judge(ctx, row)
	if err != nil {
		return j.Type, "", err
	}
	account, err := g.Account(accountName)
	if err != nil {
		return j.Type, "", err
	}
	if g.Request.NoReuse || row.Upload.NoReuse {
		return j.Type, wouldUpload, nil
	}
	key := g.MediaKey(account, j.Type, tasks.HashOf(j.Bytes))
	_, err = g.Stack.Ledger.Media(ctx, key, g.Stack.Config.Worker.FreshMargin)
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

// costs says what the calls cost of today's quota, account by account.
func costs(ctx context.Context, s *wire.Stack, calls map[string]int) string {
	accounts, err := s.Ledger.Accounts(ctx)
	if err != nil {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		account := accountNow(s, accounts, name)
		part := fmt.Sprintf("costs %s of %s, which has made %d today", output.Count(calls[name], "upload call", "upload calls"), name, account.CallsToday)
		if left, limited := account.LeftToday(); limited {
			part = fmt.Sprintf("costs %d of %s left today for %s", calls[name], output.Count(left, "call", "calls"), name)
			if calls[name]+account.Open > left {
				part += " (" + output.Plan(account.Prospect.Plan(account.Open+calls[name]), time.Now()) + ")"
			}
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	return "; " + strings.Join(parts, ", ")
}

// accountNow is an account as the ledger knows it. Where that knows no daily limit, as before a worker was started with
// these settings, theirs counts.
func accountNow(s *wire.Stack, known []tasks.AccountStatus, name string) tasks.AccountStatus {
	account := tasks.AccountStatus{Name: name}
	for _, a := range known {
		if a.Name == name {
			account = a
		}
	}
	for _, a := range s.Accounts() {
		if a.Name == name {
			if a.DailyLimit > 0 && (account.DailyLimit == 0 || a.DailyLimit < account.DailyLimit) {
				account.DailyLimit = a.DailyLimit
				account.Prospect = tasks.Prospect{Now: time.Now(), Left: a.DailyLimit - account.CallsToday, Daily: a.DailyLimit, Zone: a.ResetZone}
			}
		}
	}
	return account
}
