package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// externalID names a file that has no ID of its own, so that the same file, unchanged, is known again: by account and
// type, by where it is and by what it looks like from outside.
func (g *gatherer) externalID(u tasks.Upload, e tasks.Entry) string {
	version := e.ETag
	if version == "" {
		version = strconv.FormatInt(e.Modified.UnixNano(), 10)
	}
	account := g.account()
	name := fmt.Sprintf("local\x00%s\x00%s\x00%s\x00%s\x00%d\x00%s", account.Realm, account.AppID, u.Type, u.Source, e.Size, version)
	return uuid.NewSHA1(fileSpace, []byte(name)).String()
}

// fileSpace is the UUID namespace of such names.
//
//nolint:gochecknoglobals // a constant in all but name
var fileSpace = uuid.MustParse("5f0e7a52-5c4e-4d0b-9d67-7b3d0e0a9f11")

func (g *gatherer) account() tasks.Account {
	for _, a := range g.stack.wechat.Accounts() {
		if a.Name == g.flags.account {
			return a
		}
	}
	return tasks.Account{Name: g.flags.account}
}

// reopen opens a new round for those uploads whose old outcome is no answer any more: the media is about to expire,
// or the failure is one that a new try may mend.
func (g *gatherer) reopen(ctx context.Context, ids []uuid.UUID) error {
	outcomes, err := g.stack.ledger.Outcomes(ctx, ids)
	if err != nil {
		return fmt.Errorf("look up uploads: %w", err)
	}
	for _, o := range outcomes {
		if !g.outdated(o) {
			continue
		}
		if err := g.stack.ledger.Retry(ctx, o.ID, true); err != nil && tasks.CodeOf(err) != tasks.Conflict {
			return fmt.Errorf("retry upload: %w", err)
		}
	}
	return nil
}

func (g *gatherer) outdated(o tasks.Outcome) bool {
	switch o.State {
	case tasks.Succeeded:
		return g.flags.noReuse || time.Until(o.ExpiresAt) < g.stack.cfg.Worker.FreshMargin
	case tasks.Failed, tasks.Canceled:
		return o.Code.Mendable()
	default:
		return false
	}
}
