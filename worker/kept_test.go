package worker_test

import (
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker"
)

// A media that is kept alive is renewed from what its source holds, if that is what it was: otherwise no call is made.
func TestAnotherContentIsNotKeptAlive(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]bool{"media of the account": false, "media of one producer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.change = func(c *worker.Config) { c.ReuseOwn = own }
			s.hire(s.ledger)
			content := "as it was"
			s.files = func(string) (tasks.File, error) { return fileOf(content), nil }
			id := s.submit(tasks.Upload{KeepFreshUntil: time.Now().Add(100 * time.Hour)})
			s.turn()
			first := s.outcome(id).MediaID
			renew := func(mediaID string, calls int) string {
				t.Helper()
				if _, err := s.ledger.RenewMedia(t.Context(), mediaID, nil, "local"); err != nil {
					t.Fatal(err)
				}
				s.turn()
				if n := s.callCount(); n != calls {
					t.Errorf("%d calls, want %d", n, calls)
				}
				return s.outcome(id).Current.MediaID
			}
			second := renew(first, 2)
			if second == first {
				t.Errorf("%s was not renewed", first)
			}
			content = "another one"
			if third := renew(second, 2); third != second {
				t.Errorf("another content was uploaded as %s", third)
			}
			content = "as it was"
			if third := renew(second, 3); third == second {
				t.Error("it is not renewed, though the source has its content again")
			}
		})
	}
}
