package schema

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

const actionColumns = `id, kind, by_whom, producer, choice, again, matched, done, left_out, rate, budget, place, stopped, began_at, ended_at`

func scanAction(s db.Scanner, a *tasks.Action, more ...any) error {
	var (
		choice, left string
		again        int
		stopped      bool
		began        int64
		ended        sql.NullInt64
	)
	err := s.Scan(append([]any{
		&a.ID, &a.Kind, &a.By, &a.Producer, &choice, &again, &a.Matched, &a.Done, &left, &a.RatePerMinute, &a.DailyBudget,
		&a.Cursor, &stopped, &began, &ended,
	}, more...)...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(left), &a.Left); err != nil {
		return fmt.Errorf("read counts of action %s: %w", a.ID, err)
	}
	a.Choice, a.Again, a.Began, a.Ended = []byte(choice), again > 0, db.Time(began), db.TimeOrZero(ended)
	switch {
	case stopped:
		a.State = tasks.ActionStopped
	case ended.Valid:
		a.State = tasks.ActionDone
	default:
		a.State = tasks.ActionRunning
	}
	return nil
}

// FindAction returns an action, and NotFound if it does not exist. With more it also reads the holder and the end of its
// lease.
func FindAction(t *db.Tx, id uuid.UUID, lock string, more ...any) (tasks.Action, error) {
	var a tasks.Action
	found := false
	columns := actionColumns
	if len(more) > 0 {
		columns += ", holder, lease_until"
	}
	err := t.Each("SELECT "+columns+" FROM actions WHERE id = ?"+lock, db.Args{id[:]}, func(s db.Scanner) error {
		found = true
		return scanAction(s, &a, more...)
	})
	if err == nil && !found {
		err = &tasks.Error{Code: tasks.NotFound, Op: "look up action", Err: tasks.Textf("there is no such action")}
	}
	return a, err
}

// Actions returns the first actions, in that order, for which the conditions hold.
func Actions(t *db.Tx, c *db.Conditions, order string, limit int) ([]tasks.Action, error) {
	var page []tasks.Action
	err := t.Each("SELECT "+actionColumns+" FROM actions WHERE "+c.Where()+" ORDER BY "+order+" LIMIT ?", append(c.Args, limit), func(s db.Scanner) error {
		page = append(page, tasks.Action{})
		return scanAction(s, &page[len(page)-1])
	})
	return page, err
}
