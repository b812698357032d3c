package schema

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Deaths is the number of workers that died with an upload in this round.
const Deaths = "lost_leases + crashes"

// OnBelt lists the chunks that were dispatched longer than olderThan ago and are not claimed, the oldest first, up to
// limit runs.
func OnBelt(t *db.Tx, olderThan time.Duration, limit int) ([]tasks.Chunk, error) {
	var chunks []tasks.Chunk
	err := t.Each("SELECT r.task, u.id, r.generation, r.account, r.priority, r.dispatched_at, "+Deaths+` FROM runs r JOIN uploads u ON u.seq = r.upload
		WHERE r.token IS NULL AND r.dispatched_at < ? ORDER BY r.dispatched_at, r.upload LIMIT ?`,
		db.Args{t.Now - olderThan.Microseconds(), limit}, func(s db.Scanner) error {
			var c tasks.Chunk
			var r tasks.RunRef
			var at int64
			err := s.Scan(&c.Task, &r.Upload, &r.Generation, &c.Account, &c.Priority, &at, &c.Deaths)
			if n := len(chunks); n > 0 && chunks[n-1].Task == c.Task {
				chunks[n-1].Runs = append(chunks[n-1].Runs, r)
				return err
			}
			c.At, c.Runs = db.Time(at), []tasks.RunRef{r}
			chunks = append(chunks, c)
			return err
		})
	return chunks, err
}
