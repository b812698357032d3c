package ledger

import (
	"context"
	"errors"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// SpendBudget takes up to n uploads from what a producer may submit today, and returns how many it got. A negative n
// gives back what was not used. It returns TooMany, with the time until the next day begins, where nothing is left.
func (l *Ledger) SpendBudget(ctx context.Context, producer string, n, limit int) (int, error) {
	var got int
	err := l.do(ctx, "spend budget", func(t *tx) (err error) {
		got, err = t.spendBudget(producer, n, limit)
		if err == nil && n > 0 && got == 0 {
			err = &tasks.Error{Code: tasks.TooMany, Op: "spend budget", Err: errors.New("the uploads that this producer may submit today are used up"),
				Hint: "submit the rest tomorrow, or ask the operator for a larger budget", RetryAfter: schema.DayEnd(t.Now).Sub(db.Time(t.Now))}
		}
		return err
	})
	return got, err
}

func (t *tx) spendBudget(producer string, n, limit int) (int, error) {
	today := schema.DayOf(t.Now)
	if _, err := t.Exec("DELETE FROM budgets WHERE producer = ? AND day < ?", producer, today); err != nil {
		return 0, err
	}
	if _, err := t.Exec("INSERT INTO budgets (producer, day, uploads) VALUES (?, ?, 0) ON CONFLICT DO NOTHING", producer, today); err != nil {
		return 0, err
	}
	var spent int
	_, err := t.Row("SELECT uploads FROM budgets WHERE producer = ? AND day = ?"+t.Dialect.ForUpdate, db.Args{producer, today}, &spent)
	if err != nil {
		return 0, err
	}
	got := max(min(n, limit-spent), -spent)
	if n > 0 {
		got = max(got, 0)
	}
	_, err = t.Exec("UPDATE budgets SET uploads = uploads + ? WHERE producer = ? AND day = ?", got, producer, today)
	return got, err
}
