package media

import (
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestFits(t *testing.T) {
	t.Parallel()
	l := DefaultLimits()
	for _, kind := range tasks.MediaTypes {
		if err := l.Fits(kind, l.Max(kind)); err != nil {
			t.Errorf("%s at its limit: %v", kind, err)
		}
		err := l.Fits(kind, l.Max(kind)+1)
		if tasks.CodeOf(err) != tasks.TooLarge || tasks.AsError(err).Hint == "" {
			t.Errorf("%s over its limit: %v", kind, err)
		}
	}
	if err := l.Fits(tasks.Thumb, 80<<10); !strings.Contains(err.Error(), "81920 bytes") || !strings.Contains(err.Error(), "65536 bytes") {
		t.Errorf("measure or limit is missing: %v", err)
	}
	if l.Fixable(tasks.Voice) != 0 || l.Fixable(tasks.Image) <= l.ImageBytes {
		t.Error("only pictures over their limit can be made to fit")
	}
}
