package ledger

import (
	"context"
	"time"
)

// Lead makes holder the leader of a role for ttl, or lengthens its lead, and reports whether it leads now. All who ask
// for a role must do so with the same ttl: then a lead that reaches further tells that the ledger's clock was set back,
// and all that is due later by the clock before is brought forward by as much.
func (l *Ledger) Lead(ctx context.Context, role, holder string, ttl time.Duration) (bool, error) {
	var leads bool
	err := l.do(ctx, "elect "+role, func(t *tx) error {
		var until int64
		_, err := t.row("SELECT until_at FROM leaders WHERE role = ?"+t.l.d.forUpdate, args{role}, &until)
		if err != nil {
			return err
		}
		if back := until - t.now - ttl.Microseconds(); back > clockSlack.Microseconds() {
			if err := t.bringForward(back); err != nil {
				return err
			}
		}
		n, err := t.exec(`INSERT INTO leaders (role, holder, until_at) VALUES (?, ?, ?)
			ON CONFLICT (role) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at
			WHERE leaders.holder = excluded.holder OR leaders.until_at <= ?`, role, holder, t.now+ttl.Microseconds(), t.now)
		leads = n > 0
		return err
	})
	return leads && err == nil, err
}

// clockSlack is how far a clock may be set back unnoticed: what is due then waits for so long. A transaction that waits
// for others has an older time than they have, which must not look like a clock that was set back.
const clockSlack = 10 * time.Second

// bringForward makes all that is due in the future due earlier by so many microseconds. Deadlines of people and the
// expiry of media stay where they are: they were given in the time of others.
func (t *tx) bringForward(by int64) error {
	t.l.writer.log.Warn("the ledger's clock was set back: what was to be done later is done as long after now as it was then",
		"by", (time.Duration(by) * time.Microsecond).Round(time.Second))
	t.held = nil
	for _, update := range []string{
		"UPDATE uploads SET due_at = due_at - ? WHERE phase IN (1, 2, 3) AND due_at > ?",
		"UPDATE deliveries SET due_at = due_at - ? WHERE due_at > ?",
		"UPDATE holds SET until_at = until_at - ? WHERE until_at > ?",
		"UPDATE leaders SET until_at = until_at - ? WHERE until_at > ?",
		"UPDATE actions SET lease_until = lease_until - ? WHERE lease_until > ?",
	} {
		if _, err := t.exec(update, by, t.now); err != nil {
			return err
		}
	}
	return nil
}

// Resign lets somebody else lead at once. It does nothing where holder does not lead.
func (l *Ledger) Resign(ctx context.Context, role, holder string) error {
	return l.do(ctx, "resign as "+role, func(t *tx) error {
		_, err := t.exec("DELETE FROM leaders WHERE role = ? AND holder = ?", role, holder)
		return err
	})
}
