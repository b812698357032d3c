package api

import (
	"net/http"
	"testing"

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
	}) {
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
