package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

const actionColumns = `id, kind, by_whom, producer, choice, again, matched, done, left_out, rate, budget, place, stopped, began_at, ended_at`

func scanAction(s scanner, a *tasks.Action, more ...any) error {
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
	a.Choice, a.Again, a.Began, a.Ended = []byte(choice), again > 0, timeOf(began), timeOrZero(ended)
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

// BeginAction keeps an action that is to be carried out, and returns it with its ID, its time and its cursor, which
// leaves out whatever is accepted later. With a holder nobody else works on it for lease. An ID that was used for the
// same action before returns that one as it stands. Invalid for a choice that is none, TooMany for more than
// MaxOpenActions at once.
func (l *Ledger) BeginAction(ctx context.Context, a tasks.Action, holder string, lease time.Duration) (tasks.Action, error) {
	if _, err := a.Kind.Step(); err != nil {
		return a, err
	}
	f, err := a.Filter()
	if err != nil {
		return a, err
	}
	if _, err := matcher(f); err != nil {
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
		if _, err := t.row("SELECT COALESCE(MAX(seq), 0) FROM uploads", nil, &newest); err != nil {
			return err
		}
		if err := t.roomForAction(a); err != nil {
			return err
		}
		until := t.now
		if holder != "" {
			until += lease.Microseconds()
		}
		_, err := t.exec(`INSERT INTO actions (id, kind, by_whom, producer, choice, again, matched, rate, budget, place, holder, lease_until, began_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			a.ID[:], string(a.Kind), a.By, a.Producer, string(a.Choice), flag(a.Again), a.Matched, a.RatePerMinute, a.DailyBudget,
			cursor(newest+1), holder, until, t.now)
		if err != nil {
			return err
		}
		begun, err = t.action(a.ID, "")
		return err
	})
	return begun, err
}

// roomForAction refuses one action too many of the same origin.
func (t *tx) roomForAction(a tasks.Action) error {
	var open int
	_, err := t.row("SELECT count(*) FROM actions WHERE ended_at IS NULL AND by_whom = ? AND id <> ?", args{a.By, a.ID[:]}, &open)
	if err == nil && open >= tasks.MaxOpenActions {
		err = &tasks.Error{
			Code: tasks.TooMany, Op: "begin action", Err: fmt.Errorf("%d actions of %s are under way", open, a.By),
			Hint: "wait for some of them to end, or stop them", RetryAfter: time.Minute,
		}
	}
	return err
}

// Action returns an action as it stands. NotFound where there is none.
func (l *Ledger) Action(ctx context.Context, id uuid.UUID) (tasks.Action, error) {
	var a tasks.Action
	err := l.view(ctx, "look up action", func(t *tx) (err error) {
		a, err = t.action(id, "")
		return err
	})
	return a, err
}

func (t *tx) action(id uuid.UUID, lock string, more ...any) (tasks.Action, error) {
	var a tasks.Action
	found := false
	columns := actionColumns
	if len(more) > 0 {
		columns += ", holder, lease_until"
	}
	err := t.each("SELECT "+columns+" FROM actions WHERE id = ?"+lock, args{id[:]}, func(s scanner) error {
		found = true
		return scanAction(s, &a, more...)
	})
	if err == nil && !found {
		err = &tasks.Error{Code: tasks.NotFound, Op: "look up action", Err: errors.New("there is no such action")}
	}
	return a, err
}

// StopAction ends an action: when it returns, nothing more is done for it, whoever works on it. One that has ended
// stays as it is; either way it is returned as it stands. NotFound where there is none.
func (l *Ledger) StopAction(ctx context.Context, id uuid.UUID) (tasks.Action, error) {
	var a tasks.Action
	err := l.do(ctx, "stop action", func(t *tx) error {
		_, err := t.exec("UPDATE actions SET stopped = 1, ended_at = ? WHERE id = ? AND ended_at IS NULL", t.now, id[:])
		if err != nil {
			return err
		}
		a, err = t.action(id, "")
		return err
	})
	return a, err
}

// Actions returns one page of actions, the newest first, and the cursor of the next page; "" after the last one.
func (l *Ledger) Actions(ctx context.Context, f tasks.ActionFilter) ([]tasks.Action, string, error) {
	c := new(conditions)
	c.text("producer = ?", f.Producer)
	if f.Cursor != "" {
		last, err := uuid.Parse(f.Cursor)
		if err != nil {
			return nil, "", badCursor()
		}
		c.add("id < ?", last[:])
	}
	limit := pageSize(f.Limit)
	var page []tasks.Action
	err := l.view(ctx, "list actions", func(t *tx) (err error) {
		page, err = t.actions(c, "id DESC", limit+1)
		return err
	})
	if len(page) > limit {
		return page[:limit], page[limit-1].ID.String(), err
	}
	return page, "", err
}

// OpenActions returns actions that have not ended and that holder may work on: nobody else does now. They come in the
// order in which they began, behind the one that is named; uuid.Nil: from the first. limit as in Actions.
func (l *Ledger) OpenActions(ctx context.Context, holder string, after uuid.UUID, limit int) ([]tasks.Action, error) {
	var page []tasks.Action
	err := l.view(ctx, "list open actions", func(t *tx) (err error) {
		c := new(conditions)
		c.add("ended_at IS NULL AND id > ? AND (holder = ? OR lease_until <= ?)", after[:], holder, t.now)
		page, err = t.actions(c, "id", pageSize(limit))
		return err
	})
	return page, err
}

func (t *tx) actions(c *conditions, order string, limit int) ([]tasks.Action, error) {
	var page []tasks.Action
	err := t.each("SELECT "+actionColumns+" FROM actions WHERE "+c.where()+" ORDER BY "+order+" LIMIT ?", append(c.args, limit), func(s scanner) error {
		page = append(page, tasks.Action{})
		return scanAction(s, &page[len(page)-1])
	})
	return page, err
}
