package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// holds returns the holds by the names of their accounts, read once for each transaction.
func (t *tx) holds() (map[string]*schema.Hold, error) {
	if t.held != nil {
		return t.held, nil
	}
	held, err := schema.Holds(t.Tx)
	if err == nil {
		t.held = held
	}
	return held, err
}

// Hold pauses an account until h.Until. That is a time of this process's clock; the hold lasts equally long by the
// ledger's. If the account is held already, the later of the two ends counts. If it is ramping up after a hold, it is held
// again. The ledger sets Since. It writes the event account.held when an account becomes held, or when the reason changes.
func (l *Ledger) Hold(ctx context.Context, h tasks.Hold) error {
	length := h.Until.Sub(l.now())
	return l.do(ctx, "hold account", func(t *tx) error {
		h.Until = db.Time(t.Now).Add(length)
		if h.Code == tasks.DailyLimit && h.Errcode != 0 {
			if err := t.exhaust(h.Realm, h.AppID); err != nil {
				return err
			}
		}
		return t.hold(h)
	})
}

func (t *tx) hold(h tasks.Hold) error {
	old, err := t.findHold(h.Realm, h.AppID)
	if err != nil {
		return err
	}
	if old.InForce(t.Now) && !h.Until.After(old.Until) && (h.BulkOnly || !old.BulkOnly) {
		return nil
	}
	h.Since, h.Ramp, h.Reason, h.RID = db.Time(t.Now), 0, clean(h.Reason), clean(h.RID)
	if old != nil && old.Code == h.Code {
		h.Since = old.Since
	}
	_, err = t.Exec(`INSERT INTO holds (realm, appid, code, errcode, rid, reason, reason_values, since_at, until_at, ramp, bulk_only) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
		ON CONFLICT (realm, appid) DO UPDATE SET code = excluded.code, errcode = excluded.errcode, rid = excluded.rid,
		reason = excluded.reason, reason_values = excluded.reason_values, since_at = excluded.since_at, until_at = excluded.until_at, ramp = 0, bulk_only = excluded.bulk_only`,
		h.Realm, h.AppID, string(h.Code), h.Errcode, db.TextOrNull(h.RID), h.Reason, valuesOf(h.Params), db.Micros(h.Since), db.Micros(h.Until), db.Flag(h.BulkOnly))
	t.held = nil
	if err != nil || (old != nil && old.Code == h.Code) {
		return err
	}
	return t.tell(tasks.HoldBegan, h)
}

func (t *tx) findHold(realm, appid string) (*schema.Hold, error) {
	var h *schema.Hold
	err := t.Each("SELECT "+schema.HoldColumns+" FROM holds h WHERE realm = ? AND appid = ?"+t.Dialect.ForUpdate, db.Args{realm, appid},
		func(s db.Scanner) error {
			h = new(schema.Hold)
			return schema.ScanHold(s, &h.Hold)
		})
	return h, err
}

// lift ends a hold, and reports whether there was one. If only is given, it ends only a hold with that code.
func (t *tx) lift(realm, appid string, only tasks.Code) (bool, error) {
	h, err := t.findHold(realm, appid)
	if err != nil || h == nil || (only != "" && h.Code != only) {
		return false, err
	}
	t.held, t.wake = nil, t.wake|tasks.WakeUploads
	if _, err := t.Exec("DELETE FROM holds WHERE realm = ? AND appid = ?", realm, appid); err != nil {
		return false, err
	}
	return true, t.tell(tasks.HoldEnded, h.Hold)
}

func (t *tx) tell(kind tasks.EventType, h tasks.Hold) error {
	data, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode hold: %w", err)
	}
	t.events = append(t.events, event{kind: kind, data: data, url: t.l.notify})
	return nil
}

// Resume ends an account's hold. It reports whether there was one. If WeChat had said that the day's calls are used up, the
// next call shows whether it still says so.
func (l *Ledger) Resume(ctx context.Context, realm, appid string) (bool, error) {
	var lifted bool
	err := l.do(ctx, "resume account", func(t *tx) (err error) {
		if err := t.doubt(realm, appid); err != nil {
			return err
		}
		lifted, err = t.lift(realm, appid, "")
		return err
	})
	return lifted, err
}

// rampUp doubles the uploads that an account may have under way after a hold, and ends the hold when that is enough.
func (t *tx) rampUp(account string) error {
	held, err := t.holds()
	if err != nil || len(held) == 0 {
		return err
	}
	h := held[account]
	if h == nil {
		return nil
	}
	h, err = t.findHold(h.Realm, h.AppID)
	if err != nil || h == nil || h.InForce(t.Now) {
		return err
	}
	t.held = nil
	if h.Ramp = h.Room() * 2; h.Ramp >= tasks.RampEnd {
		_, err := t.lift(h.Realm, h.AppID, "")
		return err
	}
	_, err = t.Exec("UPDATE holds SET ramp = ? WHERE realm = ? AND appid = ?", h.Ramp, h.Realm, h.AppID)
	return err
}

// Holds lists all holds, also those of accounts that are ramping up.
func (l *Ledger) Holds(ctx context.Context) ([]tasks.Hold, error) {
	var hs []tasks.Hold
	err := l.engine.Snapshot(ctx, "list holds", func(t *db.Tx) error {
		return t.Each("SELECT "+schema.HoldColumns+" FROM holds h ORDER BY realm, appid", nil, func(s db.Scanner) error {
			hs = append(hs, tasks.Hold{})
			h := &hs[len(hs)-1]
			if err := schema.ScanHold(s, h); err != nil {
				return err
			}
			if t.Now >= db.Micros(h.Until) {
				h.Ramp = max(h.Ramp, 1)
			}
			return nil
		})
	})
	return hs, err
}
