package main

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// each calls do for the uploads that match, page by page, until limit; 0 is no limit.
func (s *stack) each(ctx context.Context, f tasks.Filter, limit int, do func(tasks.Outcome) error) (rows int, err error) {
	return eachRow(limit, do, func(cursor string) ([]tasks.Outcome, string, error) {
		f.Cursor = cursor
		return s.ledger.List(ctx, f)
	})
}

// eachDelivery is each for deliveries.
func (s *stack) eachDelivery(ctx context.Context, f tasks.DeliveryFilter, limit int, do func(tasks.Delivery) error) (rows int, err error) {
	return eachRow(limit, do, func(cursor string) ([]tasks.Delivery, string, error) {
		f.Cursor = cursor
		return s.ledger.Deliveries(ctx, f)
	})
}

// eachAction is each for actions.
func (s *stack) eachAction(ctx context.Context, limit int, do func(tasks.Action) error) (rows int, err error) {
	return eachRow(limit, do, func(cursor string) ([]tasks.Action, string, error) {
		return s.ledger.Actions(ctx, tasks.ActionFilter{Cursor: cursor})
	})
}

// eachRow asks for page after page, the first one without a cursor. limit is what --limit says.
func eachRow[T any](limit int, do func(T) error, page func(cursor string) ([]T, string, error)) (rows int, err error) {
	if limit < 0 {
		return 0, usagef("--limit must be 0 (all) or more")
	}
	for cursor := ""; ; {
		some, next, err := page(cursor)
		if err != nil {
			return rows, err
		}
		for _, row := range some {
			if err := do(row); err != nil {
				return rows, err
			}
			if rows++; rows == limit {
				return rows, nil
			}
		}
		if next == "" {
			return rows, nil
		}
		cursor = next
	}
}
