// Package check has the rules of a ledger, and the queries that find the rows which break them. The view reports such
// rows, and the ledger repairs them.
package check

import (
	"slices"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// MaxFindings bounds what one check reports.
const MaxFindings = 1000

// LostOnBelt is the rule that only the belt can check.
const LostOnBelt = "lost-on-belt"

// Finding is a row that breaks a rule.
type Finding struct {
	Check      string    `json:"check"` // which rule it breaks
	Upload     uuid.UUID `json:"upload_id,omitzero"`
	Batch      uuid.UUID `json:"batch_id,omitzero"`
	What       string    `json:"what"`
	Repairable bool      `json:"repairable"` // Repair mends it, and loses nothing by that
	Repaired   bool      `json:"repaired"`

	// Key is the row's, as the check's query gives it.
	Key int64 `json:"-"`
	// Text is What, for people who read it in another language.
	Text *tasks.Text `json:"-"`
	// Run is set where the belt lost the upload.
	Run tasks.RunRef `json:"-"`
}

// Rule is one rule of a ledger.
type Rule struct {
	Name string
	what string
	// query selects the rows that break the rule: a key, the upload's id, the batch's, and a detail for people. It ends in
	// a WHERE clause.
	query string
	Key   string // the key as a condition can name it
	args  db.Args
	// Repairable says that the ledger can repair such a row without losing anything. Otherwise a person must look at it.
	Repairable bool
}

// All returns every rule.
func All() []Rule {
	all := append(uploadChecks(), eventChecks()...)
	return slices.Concat(all, batchChecks(), mediaChecks(), keptChecks(), countChecks())
}

// Findings returns the rows that break the rule and for which the condition more holds. a are the values of more.
func (c Rule) Findings(t *db.Tx, more string, a db.Args) ([]Finding, error) {
	var fs []Finding
	err := t.Each(c.query+more+" LIMIT ?", slices.Concat(c.args, a, db.Args{MaxFindings}), func(s db.Scanner) error {
		f := Finding{Check: c.Name, Repairable: c.Repairable, Text: &tasks.Text{Format: c.what}}
		var upload, batch []byte
		var detail string
		err := s.Scan(&f.Key, &upload, &batch, &detail)
		copy(f.Upload[:], upload)
		copy(f.Batch[:], batch)
		if detail != "" {
			f.Text = tasks.Textf("%w: %s", f.Text, detail)
		}
		f.What = f.Text.Error()
		fs = append(fs, f)
		return err
	})
	return fs, err
}
