package intake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// lookUpAtOnce is how many uploads are looked up in one go.
const lookUpAtOnce = 500

// settle decides for the rows that were submitted before: the record answers them, or a new round does.
func (s *Submission) settle(ctx context.Context) error {
	if err := s.settleContrary(ctx); err != nil {
		return err
	}
	for lot := range slices.Chunk(distinct(s.again), lookUpAtOnce) {
		outcomes, err := s.Stack.Ledger.Outcomes(ctx, lot)
		if err != nil {
			return fmt.Errorf("look up uploads: %w", err)
		}
		for _, o := range outcomes {
			if !s.outdated(o) {
				s.before[o.ID] = true
				continue
			}
			if err := s.reopen(ctx, o.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// settleContrary finds the uploads of files that were submitted before with another callback or other metadata. Those
// stay as they were: an upload is one request. One that failed is tried anew all the same.
func (s *Submission) settleContrary(ctx context.Context) error {
	seen := map[uuid.UUID]bool{}
	for _, at := range s.contrary {
		row := &s.rows[at]
		o, err := s.Stack.Ledger.Find(ctx, enqueue.DefaultProducer, row.Upload.ExternalID)
		if err != nil {
			return fmt.Errorf("look up upload: %w", err)
		}
		row.ID = o.ID
		if seen[o.ID] {
			continue
		}
		seen[o.ID] = true
		switch o.State {
		case tasks.Succeeded:
			s.again = append(s.again, o.ID)
		case tasks.Failed, tasks.Canceled:
			if err := s.reopen(ctx, o.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Submission) reopen(ctx context.Context, id uuid.UUID) error {
	if err := s.Stack.Ledger.Retry(ctx, id, true); err != nil && tasks.CodeOf(err) != tasks.Conflict {
		return fmt.Errorf("retry upload: %w", err)
	}
	return nil
}

// outdated reports whether an old outcome is no answer any more: the media is about to expire, or the failure is one
// that a new try may mend.
func (s *Submission) outdated(o tasks.Outcome) bool {
	switch o.State {
	case tasks.Succeeded:
		return s.Request.NoReuse || time.Until(o.ExpiresAt) < s.Stack.Config.Worker.FreshMargin
	case tasks.Failed, tasks.Canceled:
		return o.Code.Mendable()
	default:
		return false
	}
}
