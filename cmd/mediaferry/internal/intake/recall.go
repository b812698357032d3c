package intake

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

// guessable are the media types that a file's bytes may say: nobody's bytes say thumb.
var guessable = []tasks.MediaType{tasks.Image, tasks.Voice, tasks.Video}

// recall fills in the types of files that were uploaded before and look as they did then, so that they need not be opened.
// What it can't find out is left to the files themselves.
func (g *Gatherer) recall(ctx context.Context, lot []asked) {
	if g.Request.Checksum {
		return
	}
	named := map[string][]int{} // by external id: the rows that may be that upload
	for i := range lot {
		for _, name := range g.namesOf(ctx, &lot[i]) {
			named[name] = append(named[name], i)
		}
	}
	if len(named) == 0 {
		return
	}
	known, err := g.Stack.Ledger.KnownSources(ctx, g.producer(), slices.Collect(maps.Keys(named)))
	if err != nil {
		return
	}
	for name, source := range known {
		for _, i := range named[name] {
			if g.looksLike(ctx, &lot[i].Row, source.Identity) {
				lot[i].Upload.Type = source.Type
			}
		}
	}
}

// namesOf returns the external ids that a row may have whose type is not known: its own, or one for each type.
func (g *Gatherer) namesOf(ctx context.Context, a *asked) []string {
	account, err := g.Account(a.Upload.Account)
	switch {
	case err != nil, a.Err != nil, g.Request.wanted(a.Row) != "":
		return nil
	case a.Upload.ExternalID != "":
		return []string{a.Upload.ExternalID}
	case a.Identity == "" && !strings.HasPrefix(a.Upload.Source, "s3://") && g.stat(ctx, &a.Row) != nil, a.Identity == "":
		return nil
	}
	names := make([]string, len(guessable))
	for i, kind := range guessable {
		row := a.Row
		row.Upload.Type = kind
		names[i] = derivedID(g.producer(), account, row)
	}
	return names
}

// looksLike reports whether a row's file looks as one did when it was read.
func (g *Gatherer) looksLike(ctx context.Context, row *manifest.Row, identity string) bool {
	if identity == "" {
		return false
	}
	if row.Identity == "" && g.stat(ctx, row) != nil {
		return false
	}
	return row.Identity == identity
}

// lots cuts rows into slices of n.
func lots(rows iter.Seq[manifest.Row], n int) iter.Seq[[]manifest.Row] {
	return func(yield func([]manifest.Row) bool) {
		var lot []manifest.Row
		for row := range rows {
			if lot = append(lot, row); len(lot) < n {
				continue
			}
			if !yield(lot) {
				return
			}
			lot = nil
		}
		if len(lot) > 0 {
			yield(lot)
		}
	}
}
