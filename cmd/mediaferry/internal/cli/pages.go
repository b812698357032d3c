package cli

import (
	"context"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

// eachDelivery calls do for the deliveries that match, until limit; 0 is no limit.
func eachDelivery(ctx context.Context, s *wire.Stack, f tasks.DeliveryFilter, limit int, do func(tasks.Delivery) error) (rows int, err error) {
	return eachRow(limit, do, func(cursor string) ([]tasks.Delivery, string, error) {
		f.Cursor = cursor
		return s.Ledger.Deliveries(ctx, f)
	})
}

// eachRow asks for page after page, the first one without a cursor, and calls do for each row. limit is what --limit
// says; 0 is no limit.
func eachRow[T any](limit int, do func(T) error, page func(cursor string) ([]T, string, error)) (rows int, err error) {
	if limit < 0 {
		return 0, exit.Usage(words.Fail("choose.limit"))
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
