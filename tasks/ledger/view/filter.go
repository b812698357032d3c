package view

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// uploadConditions are those of a filter that the database is asked for; searchOf has taken out the rest.
func uploadConditions(t *db.Tx, f tasks.Filter) (*db.Conditions, error) {
	if len(f.IDs) > tasks.MaxIDs {
		return nil, &tasks.Error{Code: tasks.Invalid, Op: "read filter", Err: fmt.Errorf("it names %d uploads, more than %d", len(f.IDs), tasks.MaxIDs)}
	}
	c := new(db.Conditions)
	if err := c.After("u.seq", f.Cursor); err != nil {
		return nil, err
	}
	c.Equal("u.producer = ?", f.Producer)
	c.Equal("u.account = ?", f.Account)
	c.Equal("u.type = ?", string(f.Type))
	if len(f.IDs) > 0 {
		keys := make(db.Args, len(f.IDs))
		for i, id := range f.IDs {
			keys[i] = id[:]
		}
		c.Add("u.id IN ("+db.Marks(len(keys))+")", keys...)
	}
	if f.Batch != uuid.Nil {
		c.Add("u.batch > 0 AND u.batch = (SELECT seq FROM batches WHERE id = ?)", f.Batch[:])
	}
	c.Times("u.submitted_at", f.Since, f.Until)
	return c, byState(t, c, f)
}

// byState adds the conditions on state and code. A queued upload of a held account counts as waiting for the hold's reason.
func byState(t *db.Tx, c *db.Conditions, f tasks.Filter) error {
	held, err := schema.Holds(t)
	if err != nil {
		return err
	}
	names := func(match func(*schema.Hold) bool) db.Args {
		var ns db.Args
		for name, h := range held {
			if h.InForce(t.Now) && match(h) {
				ns = append(ns, name)
			}
		}
		return ns
	}
	all := names(func(*schema.Hold) bool { return true })
	var either []string
	var a db.Args
	for _, s := range f.States {
		switch cond := schema.InState(s); {
		case s == tasks.Queued && len(all) > 0:
			either, a = append(either, "("+cond+" AND u.account NOT IN ("+db.Marks(len(all))+"))"), append(a, all...)
		case s == tasks.Waiting && len(all) > 0:
			either, a = append(either, cond, "("+schema.IsQueued+" AND u.account IN ("+db.Marks(len(all))+"))"), append(a, all...)
		default:
			either = append(either, cond)
		}
	}
	if len(either) > 0 {
		c.Add("("+strings.Join(either, " OR ")+")", a...)
	}
	if f.Code != "" || f.Errcode != 0 {
		by := names(func(h *schema.Hold) bool {
			return (f.Code == "" || h.Code == f.Code) && (f.Errcode == 0 || h.Errcode == f.Errcode)
		})
		own := new(db.Conditions)
		own.Equal("u.code = ?", string(f.Code))
		if f.Errcode != 0 {
			own.Add("u.errcode = ?", f.Errcode)
		}
		if len(by) > 0 {
			c.Add("("+own.Where()+" OR ("+schema.IsQueued+" AND u.account IN ("+db.Marks(len(by))+")))", append(own.Args, by...)...)
		} else {
			c.Add(own.Where(), own.Args...)
		}
	}
	return nil
}

func hasMetadata(metadata json.RawMessage, want map[string]string) bool {
	if len(want) == 0 {
		return true
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(metadata, &fields) != nil {
		return false
	}
	for name, value := range want {
		var text string
		raw, found := fields[name]
		if !found || string(raw) != value && (json.Unmarshal(raw, &text) != nil || text != value) {
			return false
		}
	}
	return true
}
