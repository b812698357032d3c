package main

import (
	"cmp"
	"context"
	"encoding/json"
	"io"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// gatherer turns what a person named into uploads.
type gatherer struct {
	stack    *stack
	flags    uploadFlags
	limits   media.Limits
	accounts []tasks.Account
	in       io.Reader // for - as a path or manifest
}

// asked is one row of what a person named.
type asked struct {
	manifest.Row           // with type, account and id filled in; Err where it was refused
	ID           uuid.UUID // of its upload; zero until it was accepted
	derived      bool      // its external id is ours, not the person's
}

// prepare fills in what the row leaves open and the flags, the settings or the file itself say.
func (g *gatherer) prepare(ctx context.Context, row manifest.Row) asked {
	a := asked{Row: row}
	u := &a.Upload
	u.Account = cmp.Or(u.Account, g.flags.account)
	if row.Err != nil {
		return a
	}
	u.CallbackURL = cmp.Or(u.CallbackURL, g.flags.callback)
	u.NoReuse = u.NoReuse || g.flags.noReuse
	u.Fix = u.Fix || g.flags.fix
	if len(u.Metadata) == 0 && g.flags.metadata != "" {
		u.Metadata = json.RawMessage(g.flags.metadata)
	}
	account, err := g.account(u.Account)
	if err == nil {
		err = g.look(ctx, &a.Row)
	}
	if err != nil {
		a.Err = tasks.AsError(err)
		return a
	}
	if u.ExternalID == "" {
		u.ExternalID, a.derived = derivedID(account, a.Row), true
	}
	return a
}

// derivedID names a row that has no name of its own. What is to be done with the bytes is part of the name: who asks
// for a picture to be made to fit must not be answered with the refusal of the day before. Who is to be told is not.
func derivedID(account tasks.Account, row manifest.Row) string {
	name := manifest.ExternalID(enqueue.DefaultProducer, account.Realm, account.AppID, row)
	for _, variant := range []struct {
		asked bool
		name  string
	}{{row.Upload.Fix, "fix"}, {row.Upload.NoReuse, "no_reuse"}} {
		if variant.asked {
			name = uuid.NewSHA1(uuid.MustParse(name), []byte(variant.name)).String()
		}
	}
	return name
}
