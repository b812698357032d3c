package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// BeginAction records a new action, and returns it with its ID, its time and its cursor. The cursor leaves out what is
// accepted later. A holder has the action to itself for lease. If the ID or the Request was used for the same action
// before, BeginAction returns that action as it is now. It returns Invalid for a choice that can't be read, Conflict for a
// Request that was used for another action, and TooMany if MaxOpenActions are open.
func (l *Ledger) BeginAction(ctx context.Context, a tasks.Action, holder string, lease time.Duration) (tasks.Action, error) {
	if _, err := a.Kind.Step(); err != nil {
		return a, err
	}
	f, err := a.Filter()
	if err != nil {
		return a, err
	}
	if _, err := tasks.ParseGlob(f.Source); err != nil {
		return a, err
	}
	if a.ID == uuid.Nil {
		if a.ID, err = uuid.NewV7(); err != nil {
			return a, err
		}
	}
	var begun tasks.Action
	err = l.do(ctx, "begin action", func(t *tx) error {
		begun = tasks.Action{}
		var newest int64
		if _, err := t.Row("SELECT COALESCE(MAX(seq), 0) FROM uploads", nil, &newest); err != nil {
			return err
		}
		if a.ID, err = t.remember(a.By, a.Request, a.ID); err != nil {
			return err
		}
		if err := t.roomForAction(a); err != nil {
			if undo := t.unremember(a.By, a.Request, a.ID); undo != nil {
				return undo
			}
			return err
		}
		until := t.Now
		if holder != "" {
			until += lease.Microseconds()
		} else {
			t.wake |= tasks.WakeActions
		}
		_, err = t.Exec(`INSERT INTO actions (id, kind, by_whom, producer, choice, again, matched, rate, budget, place, holder, lease_until, began_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			a.ID[:], string(a.Kind), a.By, a.Producer, string(a.Choice), db.Flag(a.Again), a.Matched, a.RatePerMinute, a.DailyBudget,
			db.Cursor(newest+1), holder, until, t.Now)
		if err != nil {
			return err
		}
		begun, err = schema.FindAction(t.Tx, a.ID, "")
		return err
	})
	return begun, err
}

// roomForAction refuses one action too many of the same origin.
func (t *tx) roomForAction(a tasks.Action) error {
	var open int
	_, err := t.Row("SELECT count(*) FROM actions WHERE ended_at IS NULL AND by_whom = ? AND id <> ?", db.Args{a.By, a.ID[:]}, &open)
	if err == nil && open >= tasks.MaxOpenActions {
		err = &tasks.Error{
			Code: tasks.TooMany, Op: "begin action", Err: tasks.Textf("%d actions of %s are under way", open, a.By),
			Hint: "wait for some of them to end, or stop them", RetryAfter: time.Minute,
		}
	}
	return err
}

// StopAction stops an action and returns it. When StopAction has returned, no process carries out another step. An action
// that has ended stays as it is. StopAction returns NotFound if the action does not exist.
func (l *Ledger) StopAction(ctx context.Context, id uuid.UUID) (tasks.Action, error) {
	var a tasks.Action
	err := l.do(ctx, "stop action", func(t *tx) error {
		_, err := t.Exec("UPDATE actions SET stopped = 1, ended_at = ? WHERE id = ? AND ended_at IS NULL", t.Now, id[:])
		if err != nil {
			return err
		}
		a, err = schema.FindAction(t.Tx, id, "")
		return err
	})
	return a, err
}

// OpenActions returns the open actions that holder may work on, because no other process holds them. They come in the
// order in which they began, after the action named after; uuid.Nil: from the first. limit as in Actions.
func (l *Ledger) OpenActions(ctx context.Context, holder string, after uuid.UUID, limit int) ([]tasks.Action, error) {
	var page []tasks.Action
	err := l.engine.Snapshot(ctx, "list open actions", func(t *db.Tx) (err error) {
		c := new(db.Conditions)
		c.Add("ended_at IS NULL AND id > ? AND (holder = ? OR lease_until <= ?)", after[:], holder, t.Now)
		page, err = schema.Actions(t, c, "id", db.PageSize(limit))
		return err
	})
	return page, err
}
