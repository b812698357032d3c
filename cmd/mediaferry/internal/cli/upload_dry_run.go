package cli

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/intake"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
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
	Params  tasks.Params    `json:"params,omitzero"`
}

// dryRun says for each row whether it would be uploaded, reused or refused, and what that costs of today's quota.
func (a *app) dryRun(ctx context.Context, g *intake.Gatherer, format output.Format, args []string) error {
	rows, closeRows, err := g.Rows(ctx, args)
	if err != nil {
		return err
	}
	defer closeRows()
	p := output.NewRows(format, a.Out, forecastColumns(a.words))
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
	a.say("dryrun.counts", "Uploaded", counts[wouldUpload], "Reused", counts[wouldReuse], "Refused", counts[wouldRefuse], "Costs", a.costs(ctx, g.Stack, cost))
	switch {
	case len(counts) == 0:
		g.Request.From.SayNothing(a.words, a.Err)
		return exit.With(tasks.ExitNothing)
	case counts[wouldRefuse] > 0:
		return exit.With(tasks.ExitFailed)
	}
	return nil
}

func forecastColumns(w *words.Words) output.Columns[forecast] {
	return output.Columns[forecast]{
		Headings: w.Headings("FILE", "TYPE", "WOULD BE"),
		Cells: func(f forecast) []string {
			what := w.T("dryrun.would_" + f.Would)
			if f.Reason != "" {
				what += w.T("words.colon") + w.Reason(lang.Cause{Code: f.Code, Reason: f.Reason, Params: f.Params})
			}
			return []string{output.Source(f.Source), w.Type(f.Type), what}
		},
		CSVNames: []string{"line", "source", "type", "account", "would_be", "code", "reason"},
		CSVCells: func(f forecast) []string {
			return []string{strconv.Itoa(f.Line), f.Source, string(f.Type), f.Account, f.Would, string(f.Code), f.Reason}
		},
	}
}

// forecastOf judges one row. sent remembers the contents met before: only the first of them needs a call.
func forecastOf(ctx context.Context, g *intake.Gatherer, row manifest.Row, sent map[tasks.MediaKey]bool) forecast {
	f := forecast{Line: row.Line, Source: row.Upload.Source, Account: cmp.Or(row.Upload.Account, g.Request.Account)}
	var err error
	f.Type, f.Would, err = wouldBe(ctx, g, row, f.Account, sent)
	if err != nil {
		e := tasks.AsError(err)
		f.Would, f.Code, f.Reason, f.Hint, f.Params = wouldRefuse, e.Code, e.Error(), e.Advice(), e.Values()
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
func (a *app) costs(ctx context.Context, s *wire.Stack, calls map[string]int) string {
	accounts, err := s.Ledger.Accounts(ctx)
	if err != nil {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		account := accountNow(s, accounts, name)
		part := a.t("dryrun.costs", "Count", calls[name], "Account", name, "Made", account.CallsToday)
		if left, limited := account.LeftToday(); limited {
			part = a.t("dryrun.costs_of", "Calls", calls[name], "Count", left, "Account", name)
			if calls[name]+account.Open > left {
				part += a.t("dryrun.plan", "Plan", output.Plan(a.words, account.Prospect.Plan(account.Open+calls[name]), time.Now()))
			}
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	return a.t("words.semicolon") + a.words.Join(parts)
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
