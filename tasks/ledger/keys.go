package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// AddKey keeps a key's hash with its rights. It returns Invalid for a key that Validate refuses, and Conflict for one that
// is known already.
func (l *Ledger) AddKey(ctx context.Context, k tasks.Key) error {
	if err := k.Validate(); err != nil {
		return err
	}
	rights, err := json.Marshal(k.Rights)
	if err != nil {
		return fmt.Errorf("encode rights: %w", err)
	}
	return l.do(ctx, "add key", func(t *tx) error {
		n, err := t.Exec("INSERT INTO keys (hash, name, role, rights, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			k.Hash[:], k.Name, string(k.Role), string(rights), t.Now)
		if err == nil && n == 0 {
			return &tasks.Error{Code: tasks.Conflict, Op: "add key", Err: tasks.Textf("this key is known already")}
		}
		return err
	})
}

// Keys lists all keys, the revoked ones included, by name and age.
func (l *Ledger) Keys(ctx context.Context) ([]tasks.Key, error) {
	var ks []tasks.Key
	err := l.engine.Snapshot(ctx, "list keys", func(t *db.Tx) error {
		ks = nil
		return t.Each("SELECT hash, name, role, rights, created_at, revoked_at FROM keys ORDER BY name, created_at, hash", nil, func(s db.Scanner) error {
			k, err := scanKey(s)
			ks = append(ks, k)
			return err
		})
	})
	return ks, err
}

// RevokeKeys revokes all keys with that name, or the key with that ID, and returns their number. It returns NotFound if no
// such key is in force.
func (l *Ledger) RevokeKeys(ctx context.Context, nameOrID string) (int, error) {
	var n int
	err := l.do(ctx, "revoke key", func(t *tx) error {
		n = 0
		var found []tasks.Hash
		err := t.Each("SELECT hash, name, role, rights, created_at, revoked_at FROM keys WHERE revoked_at IS NULL", nil, func(s db.Scanner) error {
			k, err := scanKey(s)
			if k.Name == nameOrID || k.ID == nameOrID {
				found = append(found, k.Hash)
			}
			return err
		})
		for _, h := range found {
			if err != nil {
				break
			}
			n++
			_, err = t.Exec("UPDATE keys SET revoked_at = ? WHERE hash = ?", t.Now, h[:])
		}
		if err == nil && n == 0 {
			return &tasks.Error{Code: tasks.NotFound, Op: "revoke key", Err: tasks.Textf("no key in force has that name or id"), Hint: "see: mediaferry keys list"}
		}
		return err
	})
	return n, err
}

func scanKey(s db.Scanner) (tasks.Key, error) {
	var (
		k            tasks.Key
		hash, rights []byte
		created      int64
		revoked      sql.NullInt64
	)
	if err := s.Scan(&hash, &k.Name, &k.Role, &rights, &created, &revoked); err != nil {
		return k, err
	}
	copy(k.Hash[:], hash)
	const shown = 8
	k.ID, k.Created, k.Revoked = k.Hash.String()[:shown], db.Time(created), db.TimeOrZero(revoked)
	if err := json.Unmarshal(rights, &k.Rights); err != nil {
		return k, fmt.Errorf("read rights of key %s: %w", k.ID, err)
	}
	return k, nil
}
