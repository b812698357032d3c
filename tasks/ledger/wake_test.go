package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

const allNews = tasks.WakeUploads | tasks.WakeDeliveries | tasks.WakeEvents | tasks.WakeActions

// ear collects what a ledger tells.
type ear struct {
	mu    sync.Mutex
	heard tasks.Wake
	times int
}

func follow(t testing.TB, l *Ledger) *ear {
	e := new(ear)
	t.Cleanup(l.Follow(func(news tasks.Wake) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard |= news
		e.times++
	}))
	return e
}

// has waits until all of want was told, and forgets what was told.
func (e *ear) has(t testing.TB, want tasks.Wake) {
	t.Helper()
	taskstest.Until(t, fmt.Sprintf("news %04b are told", want), func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.heard&want == want
	})
	e.forget()
}

func (e *ear) forget() tasks.Wake {
	e.mu.Lock()
	defer e.mu.Unlock()
	was := e.heard
	e.heard = 0
	return was
}

// listening opens the ledger as another process that listens and has proven that it hears.
func (h *harness) listening() (*Ledger, *ear) {
	h.Helper()
	l := h.another()
	e := follow(h, l)
	h.listen(l)
	e.has(h, allNews)
	return l, e
}

// listen runs Listen until the test ends.
func (h *harness) listen(l *Ledger) {
	ctx, cancel := context.WithCancel(h.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Listen(ctx)
	}()
	h.Cleanup(func() {
		cancel()
		<-done
	})
}

var wakeContract = []testCase{
	{"followers are told what is new, and of nothing else", func(h *harness) {
		h.register()
		e := follow(h, h.Ledger)
		for name, tc := range map[string]struct {
			act  func()
			want tasks.Wake
		}{
			"accepted": {func() { h.submit(1) }, tasks.WakeUploads},
			"canceled": {func() { value(h, h.Cancel)(h.Context(), h.submit(1)[0]) }, tasks.WakeUploads | tasks.WakeEvents},
			"told":     {func() { value(h, h.Cancel)(h.Context(), h.submit(1, told)[0]) }, tasks.WakeUploads | tasks.WakeEvents | tasks.WakeDeliveries},
			"an action": {func() {
				a := retryAll()
				_, err := h.BeginAction(h.Context(), a, "", 0)
				must(h, err)
			}, tasks.WakeActions},
			"an action that is carried out": {func() { h.begin(retryAll(), "me") }, 0},
			"resumed": {func() {
				h.hold(tasks.AccountHeld, time.Hour)
				value(h, func(ctx context.Context, realm string) (bool, error) { return h.Resume(ctx, realm, account.AppID) })(h.Context(), account.Realm)
			}, tasks.WakeEvents | tasks.WakeUploads},
			"handed back": {func() {
				c := h.pick(h.submit(1)[0])
				e.has(h, tasks.WakeUploads)
				must(h, h.HandBack(h.Context(), c.Token, 0, nil))
			}, tasks.WakeUploads},
		} {
			tc.act()
			if tc.want != 0 {
				e.has(h, tc.want)
			}
			must(h, h.do(h.Context(), "mark", func(t *tx) error { t.wake = 1 << 7; return nil }))
			taskstest.Until(h, "the mark is told", func() bool {
				got := e.forget()
				if extra := got &^ (tc.want | 1<<7); extra != 0 {
					h.Errorf("%s: %04b are told as well", name, extra)
				}
				return got.Has(1 << 7)
			})
		}
	}},
	{"who follows no longer is not told", func(h *harness) {
		stay, gone := follow(h, h.Ledger), new(ear)
		h.Follow(func(tasks.Wake) {
			gone.mu.Lock()
			defer gone.mu.Unlock()
			gone.times++
		})()
		h.submit(1)
		stay.has(h, tasks.WakeUploads)
		if gone.times != 0 {
			h.Errorf("told %d times", gone.times)
		}
	}},
	{"what is undone is not told", func(h *harness) {
		e := follow(h, h.Ledger)
		_ = h.do(h.Context(), "break", func(t *tx) error {
			t.wake = tasks.WakeActions
			_, err := t.Exec("INSERT INTO meta (key, value) VALUES ('k', NULL)")
			return err
		})
		h.submit(1)
		e.has(h, tasks.WakeUploads)
		if got := e.forget(); got.Has(tasks.WakeActions) {
			h.Errorf("%04b are told", got)
		}
	}},
}

func TestOtherProcessesHearWhatIsNew(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	_, e := h.listening()
	stranger := openPostgresHarness(t) // another ledger in the same database
	_, other := stranger.listening()
	for range 3 {
		h.submit(1)
		e.has(t, tasks.WakeUploads)
	}
	value(t, h.Cancel)(t.Context(), h.submit(1, told)[0])
	e.has(t, tasks.WakeUploads|tasks.WakeEvents|tasks.WakeDeliveries)
	stranger.submit(1)
	other.has(t, tasks.WakeUploads)
	if got := e.forget(); got != 0 {
		t.Errorf("news of another ledger are heard: %04b", got)
	}
}

func TestTheLastWordOfAProcessIsHeard(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	_, e := h.listening()
	for range 3 {
		l := h.another()
		_, err := l.Accept(t.Context(), []tasks.Upload{h.upload(), h.upload()})
		must(t, err)
		_, err = l.BeginAction(t.Context(), retryAll(), "", 0)
		must(t, err)
		must(t, l.Close())
		e.has(t, tasks.WakeUploads|tasks.WakeActions)
	}
}

func TestAConnectionThatListenedIsReplaced(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	_, e := h.listening()
	conn := dial(t, h.url)
	n, err := conn.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = $1", "LISTEN "+h.waker.channel)
	if must(t, err); n.RowsAffected() != 1 {
		t.Fatalf("%d connections listened", n.RowsAffected())
	}
	e.has(t, allNews) // it may have missed something meanwhile
	h.submit(1)
	e.has(t, tasks.WakeUploads)
}

func TestABurstIsFewNotifications(t *testing.T) {
	t.Parallel()
	const submits, at = 1000, 8
	h := openPostgresHarness(t)
	conn := dial(t, h.url)
	_, err := conn.Exec(t.Context(), "LISTEN "+h.waker.channel)
	must(t, err)
	var us [at][]tasks.Upload
	for i := range submits {
		us[i%at] = append(us[i%at], h.upload())
	}
	begun := time.Now()
	together(at, func(i int) {
		for _, u := range us[i] {
			if _, err := h.Accept(t.Context(), []tasks.Upload{u}); err != nil {
				t.Error(err)
			}
		}
	})
	must(t, h.Close())
	took := time.Since(begun)
	must(t, ledgerNotify(t, h, "end"))
	said := 0
	for {
		n, err := conn.WaitForNotification(taskstest.Context(t))
		must(t, err)
		if n.Payload == "end" {
			break
		}
		said++
	}
	if most := int(took/wakeEvery) + 2; said < 1 || said > most { // and the last word, at the end
		t.Errorf("%d submits in %v were told by %d notifications, more than %d", submits, took, said, most)
	}
}

// ledgerNotify says something on the channel of a ledger that is closed.
func ledgerNotify(t *testing.T, h *harness, text string) error {
	b, err := db.Connect(h.url)
	must(t, err)
	defer func() { must(t, b.Close()) }()
	return b.Notify(t.Context(), h.waker.channel, text)
}

func TestBehindAPoolerOneHearsOrKnowsThatOneDoesNot(t *testing.T) {
	t.Parallel()
	for mode, hears := range map[string]bool{"session": true, "transaction": false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			h := openPostgresHarness(t)
			b, err := db.Connect(ledgertest.Pooler(t, h.url, mode, 20))
			must(t, err)
			t.Cleanup(func() { must(t, b.Close()) })
			log := &warnings{said: make(chan string, 10)}
			l := h.another()
			l.waker.handle, l.waker.log = b, slog.New(log)
			e := follow(t, l)
			h.listen(l)
			if hears {
				e.has(t, allNews)
				h.submit(1)
				e.has(t, tasks.WakeUploads)
				return
			}
			select {
			case said := <-log.said:
				if !strings.Contains(said, "looked for every second") {
					t.Errorf("it says %q", said)
				}
			case <-taskstest.Context(t).Done():
				t.Fatal("it does not notice")
			}
			if got := e.forget(); got != 0 {
				t.Errorf("news are told that were not heard: %04b", got)
			}
			_, err = l.Accept(t.Context(), []tasks.Upload{h.upload()}) // all goes on, and its own news are told
			must(t, err)
			e.has(t, tasks.WakeUploads)
			if n := h.number("SELECT count(*) FROM pg_stat_activity WHERE query = ?", "LISTEN "+l.waker.channel); n != 0 {
				t.Errorf("%d connections listen still", n)
			}
		})
	}
}

// warnings are the log's messages.
type warnings struct{ said chan string }

func (w *warnings) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler           { return w }
func (w *warnings) WithGroup(string) slog.Handler                { return w }
func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	select {
	case w.said <- r.Message:
	default:
	}
	return nil
}
