package fleet

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
)

func TestHoldLog(t *testing.T) {
	t.Parallel()
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	l := holdLog{since: map[string]time.Time{}}
	for second, held := range [][]string{{}, {"east"}, {"east", "west"}, {"west"}, {}, {"east"}, {}} {
		l.note(at(second), held)
	}
	want := []history.Hold{{Account: "east", From: at(1), To: at(3)}, {Account: "west", From: at(2), To: at(4)}, {Account: "east", From: at(5), To: at(6)}}
	if diff := cmp.Diff(want, l.ended); diff != "" {
		t.Error(diff)
	}
}
