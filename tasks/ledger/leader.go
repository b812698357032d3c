package ledger

import (
	"context"
	"time"
)

// Lead makes holder the leader of a role for ttl, or lengthens its lead, and reports whether it leads now.
func (l *Ledger) Lead(ctx context.Context, role, holder string, ttl time.Duration) (bool, error) {
	var leads bool
	err := l.do(ctx, "elect "+role, func(t *tx) error {
		n, err := t.exec(`INSERT INTO leaders (role, holder, until_at) VALUES (?, ?, ?)
			ON CONFLICT (role) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at
			WHERE leaders.holder = excluded.holder OR leaders.until_at <= ?`, role, holder, t.now+ttl.Microseconds(), t.now)
		leads = n > 0
		return err
	})
	return leads && err == nil, err
}

// Resign lets somebody else lead at once. It does nothing where holder does not lead.
func (l *Ledger) Resign(ctx context.Context, role, holder string) error {
	return l.do(ctx, "resign as "+role, func(t *tx) error {
		_, err := t.exec("DELETE FROM leaders WHERE role = ? AND holder = ?", role, holder)
		return err
	})
}
