package schema

import (
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Hold is a row of the table holds, as dispatch and claim use it. All accounts of one (realm, appid) share it.
type Hold struct {
	tasks.Hold
	UnderWay int // counted by dispatch
}

// InForce reports whether the hold lasts: it stops all starts, or those of bulk uploads.
func (h *Hold) InForce(now int64) bool { return h != nil && now < db.Micros(h.Until) }

// Stops reports whether the hold stops the starts of one priority. A hold of bulk uploads does not stop uploads that renew a
// media: calls are kept for them, too. Ask for them as for interactive ones.
func (h *Hold) Stops(p tasks.Priority, now int64) bool {
	return h.InForce(now) && (p == tasks.Bulk || !h.BulkOnly)
}

// Room returns the number of uploads that may be under way at once after the hold's time.
func (h *Hold) Room() int { return max(h.Ramp, 1) }

// HoldColumns are the columns that ScanHold reads, of the hold h.
const HoldColumns = "h.realm, h.appid, h.code, h.errcode, COALESCE(h.rid, ''), h.reason, COALESCE(h.reason_values, ''), h.since_at, h.until_at, h.ramp, h.bulk_only"

// ScanHold reads a hold. more come before the columns.
func ScanHold(s db.Scanner, h *tasks.Hold, more ...any) error {
	var since, until int64
	var values []byte
	err := s.Scan(append(more, &h.Realm, &h.AppID, &h.Code, &h.Errcode, &h.RID, &h.Reason, &values, &since, &until, &h.Ramp, &h.BulkOnly)...)
	h.Since, h.Until, h.Params = db.Time(since), db.Time(until), Values(values)
	return err
}

// Holds returns the holds by the names of their accounts. Accounts with the same appid share one, and all accounts of a
// realm share the realm's. If an account has both, the stricter one counts.
func Holds(t *db.Tx) (map[string]*Hold, error) {
	held, same := map[string]*Hold{}, map[[2]string]*Hold{}
	err := t.Each("SELECT a.name, "+HoldColumns+" FROM holds h JOIN accounts a ON a.realm = h.realm AND (a.appid = h.appid OR h.appid = '')", nil,
		func(s db.Scanner) error {
			var name string
			h := new(Hold)
			if err := ScanHold(s, &h.Hold, &name); err != nil {
				return err
			}
			key := [2]string{h.Realm, h.AppID}
			if same[key] == nil {
				same[key] = h
			}
			held[name] = tighter(held[name], same[key], t.Now)
			return nil
		})
	return held, err
}

// tighter returns the hold that lasts longer, first of those that stop everything. If neither is in force, it returns the one that allows fewer uploads.
func tighter(a, b *Hold, now int64) *Hold {
	switch {
	case a == nil:
		return b
	case a.InForce(now) || b.InForce(now):
		if a.Stops(tasks.Interactive, now) != b.Stops(tasks.Interactive, now) {
			if a.Stops(tasks.Interactive, now) {
				return a
			}
			return b
		}
		if a.Until.After(b.Until) {
			return a
		}
		return b
	case a.Room() < b.Room():
		return a
	}
	return b
}
