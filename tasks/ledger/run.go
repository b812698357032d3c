package ledger

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Undispatch makes the uploads of exactly these runs ready again, unless a worker has claimed them. The runs were lost on
// the belt, or could not be put on it. It returns the number of uploads.
func (l *Ledger) Undispatch(ctx context.Context, chunks []tasks.Chunk) (int, error) {
	var runs []tasks.RunRef
	for _, c := range chunks {
		runs = append(runs, c.Runs...)
	}
	var count int
	err := l.do(ctx, "undispatch uploads", func(t *tx) error {
		var seqs []int64
		for _, r := range runs {
			err := t.Each(`DELETE FROM runs WHERE upload = (SELECT seq FROM uploads WHERE id = ?) AND generation = ? AND token IS NULL RETURNING upload`,
				db.Args{r.Upload[:], r.Generation}, appendSeq(&seqs))
			if err != nil {
				return err
			}
		}
		count = len(seqs)
		err := t.execOf("UPDATE uploads SET phase = 0 WHERE phase = 1 AND seq", seqs)
		return err
	})
	return count, err
}

// UndispatchAll makes all uploads and deliveries ready again that are on the belt and not claimed. Call it when the belt
// was lost.
func (l *Ledger) UndispatchAll(ctx context.Context) (int, error) {
	var count int
	err := l.do(ctx, "undispatch all", func(t *tx) error {
		var seqs []int64
		if err := t.Each("DELETE FROM runs WHERE token IS NULL RETURNING upload", nil, appendSeq(&seqs)); err != nil {
			return err
		}
		count = len(seqs)
		if err := t.execOf("UPDATE uploads SET phase = 0 WHERE phase = 1 AND seq", seqs); err != nil {
			return err
		}
		_, err := t.Exec("UPDATE deliveries SET phase = 0, due_at = ? WHERE phase = 1 AND due_at IS NOT NULL", t.Now)
		return err
	})
	return count, err
}

func appendSeq(seqs *[]int64) func(db.Scanner) error {
	return func(s db.Scanner) error {
		var seq int64
		err := s.Scan(&seq)
		*seqs = append(*seqs, seq)
		return err
	}
}

// OnBelt lists the chunks that were dispatched longer than olderThan ago and are not claimed, the oldest first. No two
// chunks have the same At. limit bounds the runs.
func (l *Ledger) OnBelt(ctx context.Context, olderThan time.Duration, limit int) ([]tasks.Chunk, error) {
	var chunks []tasks.Chunk
	err := l.engine.Snapshot(ctx, "list dispatched uploads", func(t *db.Tx) (err error) {
		chunks, err = schema.OnBelt(t, olderThan, limit)
		return err
	})
	return chunks, err
}

// Renew renews leases. The answer names the claims that are lost, whose work must be dropped, and the claims that somebody
// asked to cancel.
func (l *Ledger) Renew(ctx context.Context, tokens []tasks.Token, lease time.Duration) (tasks.Renewal, error) {
	var got tasks.Renewal
	err := l.do(ctx, "renew leases", func(t *tx) (err error) {
		got, err = t.renew(tokens, lease)
		return err
	})
	if err == nil {
		l.writer.claims.remove(got.Lost...)
	}
	return got, err
}

func (t *tx) renew(tokens []tasks.Token, lease time.Duration) (tasks.Renewal, error) {
	until := t.Now + lease.Microseconds()
	renewed := make(map[tasks.Token]bool, len(tokens)) // the value: somebody asked to cancel it
	if t.Dialect.Concurrent {
		ids, claims := make([][]byte, len(tokens)), make([][]byte, len(tokens))
		for i := range tokens {
			ids[i], claims[i] = tokens[i].Upload[:], tokens[i].Claim[:]
		}
		err := t.Each(`UPDATE runs r SET lease_until = ? FROM unnest(?::bytea[], ?::bytea[]) AS v (i, c) JOIN uploads u ON u.id = v.i
			WHERE r.upload = u.seq AND r.token = v.c RETURNING u.id, r.token, u.cancel_requested`, db.Args{until, ids, claims}, func(s db.Scanner) error {
			var k tasks.Token
			var cancel bool
			err := s.Scan(&k.Upload, &k.Claim, &cancel)
			renewed[k] = cancel
			return err
		})
		if err != nil {
			return tasks.Renewal{}, err
		}
	} else {
		for _, k := range tokens {
			var cancel bool
			ours, err := t.Row(`UPDATE runs SET lease_until = ? WHERE upload = (SELECT seq FROM uploads WHERE id = ?) AND token = ?
				RETURNING (SELECT cancel_requested FROM uploads WHERE seq = upload)`, db.Args{until, k.Upload[:], k.Claim[:]}, &cancel)
			if err != nil {
				return tasks.Renewal{}, err
			}
			if ours {
				renewed[k] = cancel
			}
		}
	}
	var got tasks.Renewal
	for _, k := range tokens {
		switch cancel, ours := renewed[k]; {
		case !ours:
			got.Lost = append(got.Lost, k)
		case cancel:
			got.Canceled = append(got.Canceled, k)
		}
	}
	return got, nil
}

// Alone records that the upload runs alone in its process now. From here on a lost lease counts as a crash of its own. It
// returns ErrFenced if the claim is over.
func (l *Ledger) Alone(ctx context.Context, k tasks.Token) error {
	return l.do(ctx, "run alone", func(t *tx) error {
		n, err := t.Exec("UPDATE runs SET alone = 1 WHERE upload = (SELECT seq FROM uploads WHERE id = ?) AND token = ?", k.Upload[:], k.Claim[:])
		if err == nil && n == 0 {
			return tasks.ErrFenced
		}
		return err
	})
}
