package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Lead makes holder the leader of a role for ttl, or renews its lead, and reports whether it leads now. Each election also
// checks whether the ledger's clock was set back. If it was, everything that is due in the future becomes due earlier, by
// the same time.
func (l *Ledger) Lead(ctx context.Context, role, holder string, ttl time.Duration) (bool, error) {
	var leads bool
	err := l.do(ctx, "elect "+role, func(t *tx) error {
		if err := t.checkClock(); err != nil {
			return err
		}
		n, err := t.Exec(`INSERT INTO leads (role, holder, until_at) VALUES (?, ?, ?)
			ON CONFLICT (role) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at
			WHERE leads.holder = excluded.holder OR leads.until_at <= ?`, role, holder, t.Now+ttl.Microseconds(), t.Now)
		if leads = n > 0; err != nil || !leads {
			return err
		}
		return t.markClock()
	})
	return leads && err == nil, err
}

// clockRole is a row among the leads that is not a role. It keeps the latest time that an election has seen.
const clockRole = "clock"

// checkClock compares the clock with the latest time that an election has seen. It does not change the terms and pauses
// that a process was told.
func (t *tx) checkClock() error {
	var latest int64
	const read = "SELECT until_at FROM leads WHERE role = ?"
	if _, err := t.Row(read, db.Args{clockRole}, &latest); err != nil || latest-t.Now <= clockSlack.Microseconds() {
		return err
	}
	if _, err := t.Row(read+t.Dialect.ForUpdate, db.Args{clockRole}, &latest); err != nil || latest-t.Now <= clockSlack.Microseconds() {
		return err // another process has done it meanwhile
	}
	return t.bringForward(latest - t.Now)
}

func (t *tx) markClock() error {
	_, err := t.Exec(`INSERT INTO leads (role, holder, until_at) VALUES (?, '', ?)
		ON CONFLICT (role) DO UPDATE SET until_at = excluded.until_at WHERE leads.until_at < excluded.until_at`, clockRole, t.Now)
	return err
}

// clockSlack is the step back of a clock that is ignored: due uploads wait that much longer. A transaction that waited for
// others has an older time than they have, which must not look like a clock that was set back.
const clockSlack = 10 * time.Second

// forwardMost bounds the rows that one election moves, so that it takes some seconds at most and never fails for their
// number. Rows beyond it wait until the clock is where it was.
const forwardMost = 100_000

// bringForward subtracts by, in microseconds, from every due time in the future. Deadlines that people set and the
// expiry of media stay: other clocks gave them.
func (t *tx) bringForward(by int64) error {
	t.l.writer.log.Warn("the ledger's clock was set back: what was to be done later is done as long after now as it was then",
		"by", (time.Duration(by) * time.Microsecond).Round(time.Second))
	t.held = nil
	updates := []string{
		"UPDATE holds SET until_at = until_at - ? WHERE until_at > ?",
		"UPDATE leads SET until_at = until_at - ? WHERE until_at > ?",
		"UPDATE actions SET lease_until = lease_until - ? WHERE lease_until > ?",
		"UPDATE runs SET lease_until = lease_until - ? WHERE lease_until > ?",
		"UPDATE runs SET dispatched_at = dispatched_at - ? WHERE dispatched_at > ?",
		"UPDATE paces SET tat = tat - ? WHERE tat > ?",
		"UPDATE kept SET due_at = due_at - ? WHERE failures > 0 AND due_at > ?",
	}
	for _, due := range []struct {
		table string
		phase int
	}{
		{"uploads", int(schema.Waiting)},
		{"deliveries", schema.DeliveryPending}, {"deliveries", schema.DeliveryDispatched}, {"deliveries", schema.DeliveryClaimed},
	} {
		updates = append(updates, fmt.Sprintf("UPDATE %s SET due_at = due_at - ? WHERE seq IN (SELECT seq FROM %[1]s WHERE phase = %d AND due_at > ? ORDER BY due_at LIMIT %d)",
			due.table, due.phase, forwardMost))
	}
	for _, update := range updates {
		if _, err := t.Exec(update, by, t.Now); err != nil {
			return err
		}
	}
	return nil
}

// Resign ends the lead of holder, so that another process may lead at once. It does nothing if holder does not lead.
func (l *Ledger) Resign(ctx context.Context, role, holder string) error {
	return l.do(ctx, "resign as "+role, func(t *tx) error {
		_, err := t.Exec("DELETE FROM leads WHERE role = ? AND holder = ?", role, holder)
		return err
	})
}
