package media_test

import (
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

func TestEmptyFileIsRefused(t *testing.T) {
	t.Parallel()
	for _, typ := range tasks.MediaTypes {
		if _, err := media.Check(nil, typ, media.DefaultLimits()); tasks.CodeOf(err) != tasks.Empty {
			t.Errorf("Check of no bytes as %s: %v, want Empty", typ, err)
		}
	}
	if _, err := media.Guess(nil); tasks.CodeOf(err) != tasks.Empty {
		t.Errorf("Guess of no bytes: %v, want Empty", err)
	}
	if _, err := media.Inspect(nil); tasks.CodeOf(err) != tasks.Empty {
		t.Errorf("Inspect of no bytes: %v, want Empty", err)
	}
}
