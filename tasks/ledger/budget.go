package ledger

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// SpendBudget takes up to n uploads from a producer's budget of today, and returns the number that it got. A negative n
// gives back what was not used. It returns TooMany, with the time until the next day, if nothing is left.
func (l *Ledger) SpendBudget(ctx context.Context, producer string, n, limit int) (int, error) {
	var got int
	err := l.do(ctx, "spend budget", func(t *tx) (err error) {
		got, err = t.spendBudget(producer, n, limit)
		if err == nil && n > 0 && got == 0 {
			err = t.budgetSpent()
		}
		return err
	})
	return got, err
}

// budgetSpent refuses an upload beyond the day's budget.
func (t *tx) budgetSpent() *tasks.Error {
	return &tasks.Error{Code: tasks.TooMany, Op: "spend budget", Err: tasks.Textf("the uploads that this producer may submit today are used up"),
		Hint: "submit the rest tomorrow, or ask the operator for a larger budget", RetryAfter: schema.DayEnd(t.Now).Sub(db.Time(t.Now))}
}

func (t *tx) spendBudget(producer string, n, limit int) (int, error) {
	left, err := t.budgetLeft(producer, limit)
	if err != nil {
		return 0, err
	}
	got := max(min(n, left), left-limit)
	if n > 0 {
		got = max(got, 0)
	}
	return got, t.chargeBudget(producer, got)
}

// budgetLeft returns what is left of the day's budget, and locks it until the transaction ends. It is negative if the
// budget was lowered meanwhile.
func (t *tx) budgetLeft(producer string, limit int) (int, error) {
	today := schema.DayOf(t.Now)
	if _, err := t.Exec("DELETE FROM budgets WHERE producer = ? AND day < ?", producer, today); err != nil {
		return 0, err
	}
	if _, err := t.Exec("INSERT INTO budgets (producer, day, uploads) VALUES (?, ?, 0) ON CONFLICT DO NOTHING", producer, today); err != nil {
		return 0, err
	}
	var spent int
	_, err := t.Row("SELECT uploads FROM budgets WHERE producer = ? AND day = ?"+t.Dialect.ForUpdate, db.Args{producer, today}, &spent)
	return limit - spent, err
}

// chargeBudget takes n from the day's budget, which budgetLeft has locked.
func (t *tx) chargeBudget(producer string, n int) error {
	if n == 0 {
		return nil
	}
	_, err := t.Exec("UPDATE budgets SET uploads = uploads + ? WHERE producer = ? AND day = ?", n, producer, schema.DayOf(t.Now))
	return err
}
