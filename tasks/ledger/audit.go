package ledger

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// BeginAction keeps that somebody is about to act on many uploads, and returns it with its ID and time.
func (l *Ledger) BeginAction(ctx context.Context, a tasks.Action) (tasks.Action, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return a, err
	}
	a.ID = id
	err = l.do(ctx, "record action", func(t *tx) error {
		a.Began = timeOf(t.now)
		_, err := t.exec("INSERT INTO actions (id, kind, by_whom, choice, matched, began_at) VALUES (?, ?, ?, ?, ?, ?)",
			id[:], string(a.Kind), a.By, string(a.Choice), a.Matched, t.now)
		return err
	})
	return a, err
}

// EndAction keeps what became of an action: its Done and Left. NotFound where it never began.
func (l *Ledger) EndAction(ctx context.Context, a tasks.Action) error {
	return l.do(ctx, "record action", func(t *tx) error {
		n, err := t.exec("UPDATE actions SET done = ?, remaining = ?, ended_at = ? WHERE id = ?", a.Done, a.Left, t.now, a.ID[:])
		if err == nil && n == 0 {
			return &tasks.Error{Code: tasks.NotFound, Op: "record action", Err: errors.New("there is no such action")}
		}
		return err
	})
}

// Actions returns what was done to many uploads at once, the newest first. limit 0: 100, at most 1,000.
func (l *Ledger) Actions(ctx context.Context, limit int) ([]tasks.Action, error) {
	var as []tasks.Action
	err := l.view(ctx, "list actions", func(t *tx) error {
		as = nil
		return t.each("SELECT id, kind, by_whom, choice, matched, done, remaining, began_at, ended_at FROM actions ORDER BY id DESC LIMIT ?",
			args{pageSize(limit)}, func(s scanner) error {
				var a tasks.Action
				var choice string
				var began int64
				var ended sql.NullInt64
				err := s.Scan(&a.ID, &a.Kind, &a.By, &choice, &a.Matched, &a.Done, &a.Left, &began, &ended)
				a.Choice, a.Began, a.Ended = []byte(choice), timeOf(began), timeOrZero(ended)
				as = append(as, a)
				return err
			})
	})
	return as, err
}
