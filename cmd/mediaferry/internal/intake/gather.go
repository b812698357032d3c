// Package intake turns what a person named into uploads, and submits them.
package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/source"
)

// Request is what a person asks of the files that a command line names.
type Request struct {
	Kind     string // a media type, or AutoKind
	Account  string
	Producer string // in whose name; empty: the person at the command line
	Callback string
	Metadata string // JSON
	NoReuse  bool
	// KeepFresh is until when the media of rows are kept alive that say nothing themselves. Zero: they are not.
	KeepFresh time.Time
	Fix       bool
	Checksum  bool // read files that look as they did, too
	From      RowFlags
}

// Gatherer turns what a person named into uploads.
type Gatherer struct {
	Stack    *wire.Stack
	Files    *source.Store // what the rows name
	Local    bool          // whether they may name files outside of the storage root
	Request  Request
	Limits   media.Limits
	Accounts []tasks.Account // nil where uploads are only looked at
	In       io.Reader       // for - as a path or manifest
}

// New makes a Gatherer for a command that knows the accounts. In a producer's name, files lie below the storage root.
func New(s *wire.Stack, r Request, in io.Reader) (*Gatherer, error) {
	if r.Producer == enqueue.DefaultProducer {
		r.Producer = ""
	}
	g := &Gatherer{Stack: s, Files: s.Files, Local: s.Embedded && r.Producer == "", Request: r, Limits: wire.Limits(s.Config), Accounts: s.Accounts(), In: in}
	if s.Embedded && !g.Local {
		c := s.SourceConfig()
		c.Local = false
		var err error
		if g.Files, err = source.New(c); err != nil {
			return nil, fmt.Errorf("open storage: %w", err)
		}
	}
	return g, nil
}

// asked is one row of what a person named.
type asked struct {
	manifest.Row           // with type, account and ID filled in; Err: it was refused
	ID           uuid.UUID // of its upload; zero until it was accepted
	derived      bool      // its external ID is ours, not the person's
}

// fill fills in what the row leaves open and the flags say.
func (g *Gatherer) fill(row manifest.Row) asked {
	a := asked{Row: row}
	u := &a.Upload
	u.Account = cmp.Or(u.Account, g.Request.Account)
	if row.Err != nil {
		return a
	}
	u.CallbackURL = cmp.Or(u.CallbackURL, g.Request.Callback)
	u.NoReuse = u.NoReuse || g.Request.NoReuse
	if u.KeepFreshUntil.IsZero() {
		u.KeepFreshUntil = g.Request.KeepFresh
	}
	u.Fix = u.Fix || g.Request.Fix
	if len(u.Metadata) == 0 && g.Request.Metadata != "" {
		u.Metadata = json.RawMessage(g.Request.Metadata)
	}
	return a
}

// prepare fills in what the settings and the file itself say.
func (g *Gatherer) prepare(ctx context.Context, a asked) asked {
	if a.Err != nil {
		return a
	}
	u := &a.Upload
	account, err := g.Account(u.Account)
	if err == nil {
		err = g.examine(ctx, &a.Row)
	}
	if err != nil {
		a.Err = tasks.AsError(err)
		return a
	}
	if u.ExternalID == "" {
		u.ExternalID, a.derived = derivedID(g.producer(), account, a.Row), true
	}
	return a
}

// producer is in whose name the rows are submitted.
func (g *Gatherer) producer() string { return cmp.Or(g.Request.Producer, enqueue.DefaultProducer) }

// MediaKey is what a content is kept under as a media of an account, for the one who submits it.
func (g *Gatherer) MediaKey(account tasks.Account, kind tasks.MediaType, content tasks.Hash) tasks.MediaKey {
	k := tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: kind, Hash: content}
	if g.Stack.Config.Worker.Reuse == config.ReuseProducer {
		k.Producer = g.producer()
	}
	return k
}

// derivedID returns the external ID of a row without one. --fix and --no-reuse are part of it: a person who now asks to make
// a picture fit must not get an old refusal. The callback and the metadata are not part of it.
func derivedID(producer string, account tasks.Account, row manifest.Row) string {
	name := manifest.ExternalID(producer, account.Realm, account.AppID, row)
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
