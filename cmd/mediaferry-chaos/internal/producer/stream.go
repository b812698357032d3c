package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/wait"
	"github.com/mediaferry/mediaferry/tasks"
)

// The number of its first upload decides how a batch is streamed.
const (
	slowEvery  = 3 // with a pause before each row, so that attacks hit it halfway
	breakEvery = 4 // the first try breaks off halfway
	slowPause  = 15 * time.Millisecond
)

// batch streams the uploads as NDJSON. The batch's name is the Idempotency-Key: a stream that broke off is sent again
// from its first row. One answer accepts all rows.
func (d *httpClient) batch(ctx context.Context, s scenario.Request) (uuid.UUID, error) {
	first := s.Uploads[0].Number
	stop := len(s.Uploads)
	if first%breakEvery == 0 && !d.tried[s.Name] {
		d.tried[s.Name] = true
		stop /= 2
	}
	body, w := io.Pipe()
	go func() { w.CloseWithError(d.stream(ctx, w, s.Uploads, stop, first%slowEvery == 0)) }() // the reader gets the error
	var receipt struct {
		ID                          uuid.UUID
		Accepted, Existing, Refused int
		First                       []tasks.Refusal `json:"first_refusals"`
	}
	err := d.do(ctx, call{
		name: s.Name, path: "/v1/batches?callback_url=" + d.Callbacks[scenario.ReceiverMain], key: s.Name, kind: "application/x-ndjson", body: body, into: &receipt,
	})
	_ = body.Close() // never fails
	if err != nil {
		return uuid.Nil, err
	}
	hopeless := map[int]bool{} // by line
	for _, r := range receipt.First {
		if isHopeless(s.Uploads[r.Line-1], r.Reason) {
			hopeless[r.Line] = true
		}
	}
	if receipt.Accepted+receipt.Existing+len(hopeless) != len(s.Uploads) {
		e := history.Entry{Kind: history.Refused, Producer: d.Name, Name: s.Name, Status: 202, Batch: receipt.ID, Text: fmt.Sprintf("of %d rows: %+v", len(s.Uploads), receipt)}
		if err := d.journal.Write(e); err != nil {
			return uuid.Nil, err
		}
	}
	for i, u := range s.Uploads {
		record := func() error { return d.ack(u, uuid.Nil) }
		if hopeless[i+1] {
			record = func() error { return d.gaveUp(u) }
		}
		if err := record(); err != nil {
			return uuid.Nil, err
		}
	}
	return receipt.ID, nil
}

var errBrokenOff = errors.New("the producer broke off its stream")

// stream writes the first stop uploads, and returns errBrokenOff when there are more.
func (d *httpClient) stream(ctx context.Context, to io.Writer, uploads []scenario.Upload, stop int, slowly bool) error {
	e := json.NewEncoder(to)
	for _, u := range uploads[:stop] {
		if slowly {
			if err := wait.Sleep(ctx, slowPause); err != nil {
				return err
			}
		}
		if err := e.Encode(d.request(u)); err != nil {
			return err
		}
	}
	if stop < len(uploads) {
		return errBrokenOff
	}
	return nil
}
