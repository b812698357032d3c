//go:build planted

package planted

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// beltWithBug is a belt with a bug.
type beltWithBug struct {
	*enqueue.Belt
	bug   string
	other time.Time // when an account other than the starving one had uploads
}

// Put implements enqueue.Conveyor.
func (b *beltWithBug) Put(ctx context.Context, ledger uuid.UUID, chunks []tasks.Chunk) ([]tasks.Chunk, error) {
	switch b.bug {
	case Starve:
		chunks = slices.DeleteFunc(chunks, b.starves)
	case DoubleClaim:
		var again []tasks.Chunk
		for _, c := range chunks {
			if rand.IntN(4) == 0 {
				twice := c
				twice.Task += ".again"
				twice.Runs = slices.Clone(c.Runs)
				for i := range twice.Runs {
					twice.Runs[i].Generation += secondHand
				}
				again = append(again, twice)
			}
		}
		if _, err := b.Belt.Put(ctx, ledger, again); err != nil {
			return chunks, fmt.Errorf("put again: %w", err)
		}
	}
	return b.Belt.Put(ctx, ledger, chunks)
}

// starvePause is how long the starving account waits after the last upload of another one.
const starvePause = 12 * time.Second

// starves reports whether a chunk is kept from the belt. The dispatcher finds out that it is not there, and brings it again.
func (b *beltWithBug) starves(c tasks.Chunk) bool {
	if c.Account != scenario.AccountWest {
		b.other = time.Now()
		return false
	}
	return time.Since(b.other) < starvePause
}
