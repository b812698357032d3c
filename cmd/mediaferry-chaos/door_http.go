package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// httpDoor submits over HTTP. After a try without an answer it goes on with the next server.
type httpDoor struct {
	*producer
	client *http.Client
	next   int             // which of the URLs comes next
	tried  map[string]bool // batches whose stream was broken off on purpose
}

// answerTime is how long it waits for an answer, once the request has gone out.
const answerTime = 5 * time.Second

func newHTTPDoor(p *producer) *httpDoor {
	t := &http.Transport{ResponseHeaderTimeout: answerTime, MaxIdleConnsPerHost: 1}
	return &httpDoor{p, &http.Client{Transport: t, Timeout: time.Minute}, p.Number, map[string]bool{}}
}

func (d *httpDoor) close() error {
	d.client.CloseIdleConnections()
	return nil
}

// request is one upload as the API takes it.
type request struct {
	ExternalID  string          `json:"external_id,omitempty"`
	Account     string          `json:"account"`
	Type        tasks.MediaType `json:"type"`
	Source      string          `json:"source"`
	CallbackURL string          `json:"callback_url"`
	Priority    tasks.Priority  `json:"priority"`
	Metadata    map[string]int  `json:"metadata"`
	ExpiresBy   *time.Time      `json:"expires_by,omitempty"`
}

func (d *httpDoor) request(w row) request {
	r := request{
		ExternalID: w.Name, Account: w.Account, Type: w.Type, Source: w.Source, CallbackURL: d.Callback, Priority: w.Priority,
		Metadata: map[string]int{"number": w.Number},
	}
	if w.Deadline {
		r.ExpiresBy = &d.Deadline
	}
	return r
}

// How a single upload is named, and what its producer does when the answer does not come, goes by its number.
const (
	byKeyEvery   = 2 // named by the Idempotency-Key alone, not by an external_id
	giveUpEvery  = 5 // not asked for again when the first answer did not come
	askTwiceEach = 3 // asked for again although the answer came
)

func (d *httpDoor) single(ctx context.Context, w row) error {
	r, key := d.request(w), ""
	if w.Number%byKeyEvery == 0 {
		r.ExternalID, key = "", w.Name
	}
	times := 1
	if w.Number%askTwiceEach == 0 {
		times = 2
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	for range times {
		var receipt struct{ ID uuid.UUID }
		err := d.ask(ctx, apiCall{name: w.Name, path: "/v1/uploads", key: key, kind: "application/json", body: bytes.NewReader(body), into: &receipt})
		if errors.Is(err, errUnanswered) && w.Number%giveUpEvery == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.ack(w, receipt.ID); err != nil {
			return err
		}
	}
	return nil
}

func (d *httpDoor) cancel(ctx context.Context, id uuid.UUID) error {
	return d.ask(ctx, apiCall{path: "/v1/uploads/" + id.String() + "/cancel", mayConflict: true})
}

// apiCall is one request of the API.
type apiCall struct {
	name        string // of the upload or batch
	path        string
	key         string // its Idempotency-Key
	kind        string // Content-Type
	body        io.Reader
	into        any  // what a 2xx says; nil: nothing is read
	mayConflict bool // 409 is no surprise
}

// errUnanswered is a request of which nobody knows what it did.
var errUnanswered = errors.New("no answer came")

// ask makes one call, and writes down every answer that is not 2xx, and that none came. It returns Unavailable where
// the same request should be made again.
func (d *httpDoor) ask(ctx context.Context, c apiCall) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URLs[d.next%len(d.URLs)]+c.path, c.body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+d.Key)
	if c.kind != "" {
		req.Header.Set("Content-Type", c.kind)
	}
	if c.key != "" {
		req.Header.Set("Idempotency-Key", c.key)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return d.unanswered(ctx, c)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return d.unanswered(ctx, c)
	}
	switch {
	case resp.StatusCode/100 == 2 && c.into == nil:
		return nil
	case resp.StatusCode/100 == 2:
		return json.Unmarshal(text, c.into)
	case resp.StatusCode == http.StatusConflict && c.mayConflict:
		return &tasks.Error{Code: tasks.Conflict, Op: "cancel upload"}
	}
	return d.refused(c, resp, text)
}

func (d *httpDoor) unanswered(ctx context.Context, c apiCall) error {
	d.next++
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(&tasks.Error{Code: tasks.Unavailable, Op: "submit", Err: errUnanswered},
		d.journal.write(entry{Kind: entryUnanswered, Producer: d.Name, Name: c.name}))
}

// refused takes every refusal for one of the moment. Whether it should have been, the checker says.
func (d *httpDoor) refused(c apiCall, resp *http.Response, text []byte) error {
	after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil {
		after = 0
	}
	return errors.Join(
		&tasks.Error{
			Code: tasks.Unavailable, Op: "submit", Err: fmt.Errorf("status %d", resp.StatusCode),
			RetryAfter: cmp.Or(time.Duration(after)*time.Second, time.Second),
		},
		d.journal.write(entry{
			Kind: entryRefused, Producer: d.Name, Name: c.name, Status: resp.StatusCode, After: after,
			Text: c.path + ": " + string(text[:min(len(text), 500)]),
		}))
}
