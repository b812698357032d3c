package view_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// filled is a ledger with more rows than a search reads at once.
func filled(t *testing.T) (*ledger.Ledger, int) {
	t.Helper()
	l, err := ledger.Open(t.Context(), ledgertest.SQLite(t), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	const rows = 5000
	uploads := make([]tasks.Upload, rows)
	for i := range uploads {
		uploads[i] = tasks.Upload{Producer: "shop", Account: "default", Type: tasks.Image, Source: fmt.Sprintf("shop/%d.jpg", i), ExternalID: fmt.Sprintf("Order-%d", i)}
	}
	if _, err := l.Accept(t.Context(), uploads); err != nil {
		t.Fatal(err)
	}
	return l, rows
}

// A search reads in pieces, and while it chooses among the rows of one, others have its connection.
func TestASearchHoldsNoConnection(t *testing.T) {
	t.Parallel()
	l, rows := filled(t)
	looked := 0
	page, next, err := view.ListChosen(taskstest.Context(t), l.View, tasks.Filter{}, func(string) bool {
		if looked++; looked%1000 == 1 { // it would wait for ever
			if _, err := l.Status(t.Context()); err != nil {
				t.Error(err)
			}
		}
		return looked == rows
	})
	if err != nil || len(page) != 1 || page[0].Source != "shop/0.jpg" || next != "" || looked != rows {
		t.Errorf("%d rows were looked at and %d chosen, then %q, %v", looked, len(page), next, err)
	}
}

// A search ends with its caller, whatever it is at.
func TestASearchEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	l, _ := filled(t)
	ctx, giveUp := context.WithCancel(t.Context())
	looked := 0
	_, _, err := view.ListChosen(ctx, l.View, tasks.Filter{}, func(string) bool {
		looked++
		giveUp()
		return true
	})
	if err == nil || looked != 1 {
		t.Errorf("%d rows were looked at, %v", looked, err)
	}
}

// Page by page a search finds everything once, and counts the same.
func TestASearchFindsAll(t *testing.T) {
	t.Parallel()
	l, rows := filled(t)
	for name, f := range map[string]tasks.Filter{
		"text": {Query: "oRDER-1", Limit: 300}, "glob": {Source: "shop/1*.jpg", Limit: 300}, "both": {Query: "order-1", Source: "shop/*", Limit: 7},
	} {
		want := 0
		for i := range rows {
			if fmt.Sprint(i)[0] == '1' {
				want++
			}
		}
		counts, err := l.Count(t.Context(), f)
		if err != nil || len(counts) != 1 || counts[0].Uploads != want {
			t.Errorf("%s: counted %+v, %v, want %d", name, counts, err, want)
		}
		seen := map[string]bool{}
		for {
			page, next, err := l.List(t.Context(), f)
			if err != nil || len(page) > f.Limit {
				t.Fatal(len(page), err)
			}
			for _, o := range page {
				if seen[o.Source] {
					t.Errorf("%s: %s comes twice", name, o.Source)
				}
				seen[o.Source] = true
			}
			if f.Cursor = next; next == "" {
				break
			}
		}
		if len(seen) != want {
			t.Errorf("%s: found %d, want %d", name, len(seen), want)
		}
	}
	many := map[string]string{}
	for i := range 17 {
		many[fmt.Sprint(i)] = ""
	}
	if _, _, err := l.List(t.Context(), tasks.Filter{Metadata: many}); tasks.CodeOf(err) != tasks.Invalid {
		t.Errorf("17 names: %v, want Invalid", err)
	}
}
