package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
)

// How a batch is streamed goes by its first row's number.
const (
	slowEvery  = 3 // a row at a time, so that kills hit it on its way
	breakEvery = 4 // the first stream breaks off halfway
	slowPause  = 15 * time.Millisecond
)

// batch streams the rows as NDJSON under the batch's name. Broken off, the same stream is sent again from its first
// row. The answer says of all rows together that they were accepted.
func (d *httpDoor) batch(ctx context.Context, l lot) (uuid.UUID, error) {
	first := l.Rows[0].Number
	stop := len(l.Rows)
	if first%breakEvery == 0 && !d.tried[l.Name] {
		d.tried[l.Name] = true
		stop /= 2
	}
	body, w := io.Pipe()
	go func() { w.CloseWithError(d.stream(ctx, w, l.Rows, stop, first%slowEvery == 0)) }() // the reader is told
	var receipt struct {
		ID                          uuid.UUID
		Accepted, Existing, Refused int
	}
	err := d.ask(ctx, apiCall{
		name: l.Name, path: "/v1/batches?callback_url=" + d.Callback, key: l.Name, kind: "application/x-ndjson", body: body, into: &receipt,
	})
	_ = body.Close() // never fails
	if err != nil {
		return uuid.Nil, err
	}
	if receipt.Accepted+receipt.Existing != len(l.Rows) {
		e := entry{Kind: entryRefused, Producer: d.Name, Name: l.Name, Status: 202, Batch: receipt.ID, Text: fmt.Sprintf("of %d rows: %+v", len(l.Rows), receipt)}
		if err := d.journal.write(e); err != nil {
			return uuid.Nil, err
		}
	}
	for _, w := range l.Rows {
		if err := d.ack(w, uuid.Nil); err != nil {
			return uuid.Nil, err
		}
	}
	return receipt.ID, nil
}

var errBrokenOff = errors.New("the producer broke its stream off")

// stream writes the first stop rows, and breaks off where there are more.
func (d *httpDoor) stream(ctx context.Context, to io.Writer, rows []row, stop int, slowly bool) error {
	e := json.NewEncoder(to)
	for _, w := range rows[:stop] {
		if slowly {
			if err := sleep(ctx, slowPause); err != nil {
				return err
			}
		}
		if err := e.Encode(d.request(w)); err != nil {
			return err
		}
	}
	if stop < len(rows) {
		return errBrokenOff
	}
	return nil
}
