package api

import (
	"net/http"
	"slices"
	"testing"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// The row behind the last one that is taken ends the batch, and is no refusal of its own.
func TestMostRows(t *testing.T) {
	t.Parallel()
	s := &Server{cfg: Config{Actor: enqueue.NewActor(nil)}}
	text := []byte(`{"type":"image","source":"a.jpg"}`)
	ctx := withIdentity(t.Context(), Identity{Name: "shop", Role: tasks.RoleProducer})
	rows := slices.Collect(s.judged(ctx, slices.Values([]line{{number: maxRows, text: text}, {number: maxRows + 1, text: text}}), s.allowance(caller(ctx))))
	if len(rows) != 2 || rows[0].Err != nil {
		t.Fatalf("%+v", rows)
	}
	err := rows[1].Err
	if code := tasks.CodeOf(err); code == tasks.Invalid || code == tasks.Denied {
		t.Errorf("%v refuses the row alone", err)
	}
	if p := problemOf(err); p.Status != http.StatusRequestEntityTooLarge || p.Code != tasks.Invalid {
		t.Errorf("it is answered %+v", p)
	}
}
