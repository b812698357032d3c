// Package view reads the ledger for people: lists, counts, results, deliveries, events, checks. It changes nothing. It has
// connections of its own, so that a slow list never delays the work. Every read has a time limit, and ends when its
// context ends.
package view

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// View is the reading side of a Ledger, which opens and closes it. It is safe for concurrent use.
type View struct {
	lists db.Reader
	long  db.Reader
}

// New makes the view of an open database. now is SQLite's only clock.
func New(h *db.Handle, now func() time.Time) *View {
	return &View{
		lists: db.Reader{Handle: h, Pool: h.Views, Use: db.Look, Now: now, Most: readMost},
		long:  db.Reader{Handle: h, Pool: h.Views, Use: db.Look, Now: now, Most: verifyTime},
	}
}

// readMost bounds one read. A read whose context has no deadline takes 10 s at most.
const readMost = time.Minute
