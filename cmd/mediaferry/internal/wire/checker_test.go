package wire

import (
	"context"
	"errors"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// An upload whose worker shuts down, or that somebody canceled, does not wait until the picture before it is done.
func TestFixEndsWithItsContextWhileItWaits(t *testing.T) {
	t.Parallel()
	f := newFixer(media.Limits{})
	f.turn <- struct{}{} // another one is at it
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := f.Fix(ctx, nil, tasks.Image); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that its context ended", err)
	}
}
