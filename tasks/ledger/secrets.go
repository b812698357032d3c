package ledger

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Secrets lists the secrets of one name, the newest first. With an empty name it lists those of all names.
func (l *Ledger) Secrets(ctx context.Context, kind, name string) ([]tasks.SealedSecret, error) {
	var all []tasks.SealedSecret
	err := l.engine.Snapshot(ctx, "list secrets", func(t *db.Tx) error {
		all = nil
		return t.Each("SELECT kind, name, number, sealed, created_at FROM secrets WHERE kind = ? AND (name = ? OR ? = '') ORDER BY name, number DESC",
			db.Args{kind, name, name}, func(s db.Scanner) error {
				var secret tasks.SealedSecret
				var created int64
				err := s.Scan(&secret.Kind, &secret.Name, &secret.Number, &secret.Sealed, &created)
				secret.Created = db.Time(created)
				all = append(all, secret)
				return err
			})
	})
	return all, err
}

// AddSecret adds a secret. It returns Conflict if there is one with that number: another process was first.
func (l *Ledger) AddSecret(ctx context.Context, s tasks.SealedSecret) error {
	return l.do(ctx, "keep secret", func(t *tx) error {
		n, err := t.Exec("INSERT INTO secrets (kind, name, number, sealed, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			s.Kind, s.Name, s.Number, s.Sealed, t.Now)
		if err == nil && n == 0 {
			return &tasks.Error{Code: tasks.Conflict, Op: "keep secret", Err: tasks.Textf("there is one with this number already")}
		}
		return err
	})
}

// DropSecrets deletes the secrets of a name with lower numbers, and returns how many it deleted.
func (l *Ledger) DropSecrets(ctx context.Context, kind, name string, number int) (int, error) {
	var n int64
	err := l.do(ctx, "drop secrets", func(t *tx) (err error) {
		n, err = t.Exec("DELETE FROM secrets WHERE kind = ? AND name = ? AND number < ?", kind, name, number)
		return err
	})
	return int(n), err
}

// ReplaceSecret replaces old by another encrypted text of the same secret. It does nothing if old was replaced before.
func (l *Ledger) ReplaceSecret(ctx context.Context, s tasks.SealedSecret, old []byte) error {
	return l.do(ctx, "encrypt secret anew", func(t *tx) error {
		_, err := t.Exec("UPDATE secrets SET sealed = ? WHERE kind = ? AND name = ? AND number = ? AND sealed = ?", s.Sealed, s.Kind, s.Name, s.Number, old)
		return err
	})
}

// keyCheck is the key in the table meta of the text that only the ledger's own key opens.
const keyCheck = "key_check"

// KeyCheck returns the text that tells the key of this ledger's secrets from another. If there is no such text yet, it
// keeps and returns first. An empty first is not kept.
func (l *Ledger) KeyCheck(ctx context.Context, first []byte) ([]byte, error) {
	var text string
	err := l.do(ctx, "check key", func(t *tx) error {
		text = ""
		if len(first) > 0 {
			if _, err := t.Exec("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", keyCheck, base64.StdEncoding.EncodeToString(first)); err != nil {
				return err
			}
		}
		_, err := t.Row("SELECT value FROM meta WHERE key = ?", db.Args{keyCheck}, &text)
		return err
	})
	if err != nil {
		return nil, err
	}
	kept, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("read key check: %w", err)
	}
	return kept, nil
}

// SetKeyCheck replaces the text that KeyCheck returns, when the ledger's key was changed.
func (l *Ledger) SetKeyCheck(ctx context.Context, check []byte) error {
	return l.do(ctx, "change key", func(t *tx) error {
		_, err := t.Exec("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", keyCheck, base64.StdEncoding.EncodeToString(check))
		return err
	})
}
