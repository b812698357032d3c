package producer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
)

// clientOf is a producer over HTTP whose API is h, and its journal.
func clientOf(t *testing.T, h http.Handler) (*httpClient, func() []history.Entry) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "journal")
	j, err := history.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	d := newHTTPClient(&Producer{Config: Config{Name: "p", URLs: []string{server.URL}, Key: "key"}, journal: j})
	t.Cleanup(func() { _ = d.close() })
	return d, func() []history.Entry {
		t.Helper()
		es, err := history.ReadLines[history.Entry](path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range es {
			es[i].At = time.Time{}
		}
		return es
	}
}

// busyThen answers as a ledger that is away makes the API answer, breaks one connection, and then accepts.
func busyThen(id uuid.UUID) http.Handler {
	var mu sync.Mutex
	n := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch n++; n {
		case 1:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(http.StatusAccepted)
			_ = json.NewEncoder(w).Encode(map[string]any{"id": id})
		}
	})
}

func TestClientWritesDownWhatItIsTold(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	d, journal := clientOf(t, busyThen(id))
	w := scenario.Upload{Number: 1, Name: "u1", Source: "f1", Type: tasks.Image, Account: scenario.AccountEast}
	err := d.single(t.Context(), w)
	if e := tasks.AsError(err); e.Code != tasks.Unavailable || e.RetryAfter != 7*time.Second {
		t.Errorf("503 with Retry-After 7: %v, again after %v", err, e.RetryAfter)
	}
	if err := d.single(t.Context(), w); tasks.CodeOf(err) != tasks.Unavailable || !errors.Is(err, errUnanswered) {
		t.Errorf("a broken connection: %v", err)
	}
	if err := d.single(t.Context(), w); err != nil {
		t.Errorf("202: %v", err)
	}
	want := []history.Entry{
		{Kind: history.Refused, Producer: "p", Name: "u1", Status: 503, After: 7, Text: "/v1/uploads: "},
		{Kind: history.Unanswered, Producer: "p", Name: "u1"},
		{Kind: history.Ack, Producer: "p", Name: "u1", ID: id, Account: scenario.AccountEast, Type: tasks.Image, Source: "f1"},
	}
	if diff := cmp.Diff(want, journal()); diff != "" {
		t.Error(diff)
	}
}

// An upload that its producer does not ask for again is left as it is: accepted or not.
func TestClientGivesUp(t *testing.T) {
	t.Parallel()
	d, journal := clientOf(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	if err := d.single(t.Context(), scenario.Upload{Number: giveUpEvery, Name: "u"}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]history.Entry{{Kind: history.Unanswered, Producer: "p", Name: "u"}}, journal()); diff != "" {
		t.Error(diff)
	}
}

func TestProducerWaitsAsLongAsItIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, tries := time.Now(), 0
		err := (&Producer{}).retry(t.Context(), func(context.Context) error {
			if tries++; tries == 1 {
				return &tasks.Error{Code: tasks.Unavailable, RetryAfter: 7 * time.Second}
			}
			return nil
		})
		if took := time.Since(start); err != nil || took != 7*time.Second {
			t.Errorf("went on after %v: %v", took, err)
		}
	})
}

// A batch whose stream breaks off is sent again from its first row, under the same key.
func TestClientResumesItsStream(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	d, journal := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		in := bufio.NewScanner(r.Body)
		for in.Scan() {
			n++
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Header.Get("Idempotency-Key"))
		if in.Err() == nil {
			w.WriteHeader(http.StatusAccepted)
			_ = json.NewEncoder(w).Encode(map[string]any{"id": uuid.Nil, "accepted": n - 1, "refused": 1})
		}
	}))
	uploads := []scenario.Upload{{Number: 0, Name: "u0"}, {Number: 1, Name: "u1"}, {Number: 2, Name: "u2"}}
	s := scenario.Request{Name: "b", Uploads: uploads}
	if _, err := d.batch(t.Context(), s); !errors.Is(err, errUnanswered) {
		t.Fatalf("a stream that broke off: %v", err)
	}
	if _, err := d.batch(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]string{"b", "b"}, got); diff != "" {
		t.Error(diff)
	}
	es := journal()
	if len(es) != 5 || es[0].Kind != history.Unanswered || es[1].Kind != history.Refused || !strings.Contains(es[1].Text, "Refused:1") || es[4].Kind != history.Ack {
		t.Errorf("the journal says %+v", es)
	}
}
