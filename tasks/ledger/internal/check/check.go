// Package check is the rules that a ledger keeps, and the queries that find what breaks them. The view looks for that,
// and the ledger mends it.
package check

import (
	"slices"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// MaxFindings bounds what one check reports.
const MaxFindings = 1000

// LostOnBelt is the rule that only the belt can tell of.
const LostOnBelt = "lost-on-belt"

// Finding is one thing in the ledger that can't be.
type Finding struct {
	Check      string    `json:"check"` // which rule it breaks
	Upload     uuid.UUID `json:"upload_id,omitzero"`
	Batch      uuid.UUID `json:"batch_id,omitzero"`
	What       string    `json:"what"`
	Repairable bool      `json:"repairable"` // Repair mends it, and loses nothing by that
	Repaired   bool      `json:"repaired"`

	// Key is the row's, as the check's query gives it.
	Key int64 `json:"-"`
	// Run is set where the belt lost the upload.
	Run tasks.RunRef `json:"-"`
}

// Rule is what a ledger keeps to.
type Rule struct {
	Name string
	what string
	// query selects the rows that break it: a key, the upload's id, the batch's, and a detail for people.
	// It ends in a WHERE clause.
	query string
	Key   string // the key as a condition can name it
	args  db.Args
	// Repairable: nothing is lost by mending it; otherwise a person has to look at it.
	Repairable bool
}

// All returns every rule.
func All() []Rule {
	all := append(uploadChecks(), eventChecks()...)
	return slices.Concat(all, batchChecks(), mediaChecks(), countChecks())
}

// Findings returns the rows that break the rule. more is another condition on them, with its arguments.
func (c Rule) Findings(t *db.Tx, more string, a db.Args) ([]Finding, error) {
	var fs []Finding
	err := t.Each(c.query+more+" LIMIT ?", slices.Concat(c.args, a, db.Args{MaxFindings}), func(s db.Scanner) error {
		f := Finding{Check: c.Name, What: c.what, Repairable: c.Repairable}
		var upload, batch []byte
		var detail string
		err := s.Scan(&f.Key, &upload, &batch, &detail)
		copy(f.Upload[:], upload)
		copy(f.Batch[:], batch)
		if detail != "" {
			f.What += ": " + detail
		}
		fs = append(fs, f)
		return err
	})
	return fs, err
}
