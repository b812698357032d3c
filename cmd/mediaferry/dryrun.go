package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/mediaferry/mediaferry/tasks"
)

// dryRun says for each file whether it would be uploaded, reused or refused, and what that costs of today's quota.
func (a *app) dryRun(ctx context.Context, g *gatherer, args []string) error {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FILE\tTYPE\tWOULD BE")
	counts := map[string]int{}
	sent := map[tasks.MediaKey]bool{}
	for f := range g.files(ctx, args) {
		kind, what, err := g.wouldBe(ctx, f, sent)
		if err != nil {
			what = "refused"
		}
		counts[what]++
		if err != nil {
			what += ": " + err.Error()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", showSource(f.Source), kind, what)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "%d would be uploaded, %d reused, %d refused%s\n", counts["uploaded"], counts["reused"], counts["refused"], g.today(ctx))
	switch {
	case counts["uploaded"]+counts["reused"]+counts["refused"] == 0:
		return &exitError{code: tasks.ExitNothing}
	case counts["refused"] > 0:
		return &exitError{code: tasks.ExitFailed}
	}
	return nil
}

// wouldBe judges one file. sent remembers the contents met before: only the first of them needs a call.
func (g *gatherer) wouldBe(ctx context.Context, f found, sent map[tasks.MediaKey]bool) (tasks.MediaType, string, error) {
	content, bytes, _, err := g.judge(ctx, f)
	if err != nil {
		return content.Type, "", err
	}
	account := g.account()
	key := tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: content.Type, Hash: tasks.HashOf(bytes)}
	if g.flags.noReuse {
		return content.Type, "uploaded", nil
	}
	_, err = g.stack.ledger.Media(ctx, key, g.stack.cfg.Worker.FreshMargin)
	switch {
	case err == nil || sent[key]:
		return content.Type, "reused", nil
	case tasks.CodeOf(err) == tasks.NotFound:
		sent[key] = true
		return content.Type, "uploaded", nil
	default:
		return content.Type, "", err
	}
}

// today says how many calls the account has made today, where the ledger knows a limit.
func (g *gatherer) today(ctx context.Context) string {
	accounts, err := g.stack.ledger.Accounts(ctx)
	if err != nil {
		return ""
	}
	for _, acc := range accounts {
		if acc.Name == g.flags.account && acc.DailyLimit > 0 {
			return fmt.Sprintf("; %d of today's %d calls are left", max(0, acc.DailyLimit-acc.CallsToday), acc.DailyLimit)
		}
	}
	return ""
}
