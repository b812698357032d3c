package ledger

import (
	"context"
	"errors"

	"github.com/mediaferry/mediaferry/tasks"
)

// SpendBudget takes up to n uploads from what a producer may submit today, and returns how many it got. A negative n
// gives back what was not used. It returns TooMany, with the time until the next day begins, where nothing is left.
func (l *Ledger) SpendBudget(ctx context.Context, producer string, n, limit int) (int, error) {
	var got int
	err := l.do(ctx, "spend budget", func(t *tx) error {
		today := dayOf(t.now)
		if _, err := t.exec("DELETE FROM budgets WHERE producer = ? AND day < ?", producer, today); err != nil {
			return err
		}
		if _, err := t.exec("INSERT INTO budgets (producer, day, uploads) VALUES (?, ?, 0) ON CONFLICT DO NOTHING", producer, today); err != nil {
			return err
		}
		var spent int
		_, err := t.row("SELECT uploads FROM budgets WHERE producer = ? AND day = ?"+t.l.d.forUpdate, args{producer, today}, &spent)
		if err != nil {
			return err
		}
		got = max(min(n, limit-spent), -spent)
		if n > 0 && got <= 0 {
			got = 0
			return &tasks.Error{Code: tasks.TooMany, Op: "spend budget", Err: errors.New("the uploads that this producer may submit today are used up"),
				Hint: "submit the rest tomorrow, or ask the operator for a larger budget", RetryAfter: dayEnd(t.now).Sub(timeOf(t.now))}
		}
		_, err = t.exec("UPDATE budgets SET uploads = uploads + ? WHERE producer = ? AND day = ?", got, producer, today)
		return err
	})
	return got, err
}
