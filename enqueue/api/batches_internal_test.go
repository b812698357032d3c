package api

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// The row behind the last one that is taken ends the batch, and is no refusal of its own.
func TestMostRows(t *testing.T) {
	t.Parallel()
	text := []byte(`{"type":"image","source":"a.jpg"}`)
	var rows []enqueue.Row
	var ended error
	for row, err := range decodeRows(func(yield func(line, error) bool) {
		_ = yield(line{number: maxRows, text: text}, nil) && yield(line{number: maxRows + 1, text: text}, nil)
	}, time.Time{}) {
		if err != nil {
			ended = err
			break
		}
		rows = append(rows, row)
	}
	if len(rows) != 1 || rows[0].Err != nil {
		t.Fatalf("%+v", rows)
	}
	if p := problemOf(ended); p.Status != http.StatusRequestEntityTooLarge || p.Code != tasks.Invalid {
		t.Errorf("it is answered %+v", p)
	}
}

// The batch says until when media are kept alive whose rows don't.
func TestBatchKeepsFresh(t *testing.T) {
	t.Parallel()
	own := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	all := own.Add(time.Hour)
	var got []time.Time
	for row, err := range decodeRows(func(yield func(line, error) bool) {
		_ = yield(line{number: 1, text: []byte(`{"type":"image","source":"a.jpg"}`)}, nil) &&
			yield(line{number: 2, text: []byte(`{"type":"image","source":"b.jpg","keep_fresh_until":"2026-12-01T08:00:00+08:00"}`)}, nil)
	}, all) {
		if err != nil || row.Err != nil {
			t.Fatal(err, row.Err)
		}
		got = append(got, row.Upload.KeepFreshUntil)
	}
	if want := []time.Time{all, own}; !slices.Equal(got, want) {
		t.Errorf("kept until %v, want %v", got, want)
	}
}
