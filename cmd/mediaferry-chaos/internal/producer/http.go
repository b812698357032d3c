package producer

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

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
)

// httpClient submits over HTTP. When no answer comes it goes on with the next server.
type httpClient struct {
	*Producer
	http  *http.Client
	next  int             // index of the URL to use
	tried map[string]bool // batches whose stream it has broken off
}

// answerTime is how long it waits for an answer after it has sent the request.
const answerTime = 5 * time.Second

func newHTTPClient(p *Producer) *httpClient {
	t := &http.Transport{ResponseHeaderTimeout: answerTime, MaxIdleConnsPerHost: 1}
	return &httpClient{p, &http.Client{Transport: t, Timeout: time.Minute}, p.Number, map[string]bool{}}
}

func (d *httpClient) close() error {
	d.http.CloseIdleConnections()
	return nil
}

// request is the body of POST /v1/uploads, and a row of a batch.
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

func (d *httpClient) request(u scenario.Upload) request {
	r := request{
		ExternalID: u.Name, Account: u.Account, Type: u.Type, Source: u.Source, CallbackURL: d.Callbacks[u.Receiver], Priority: u.Priority,
		Metadata: map[string]int{"number": u.Number},
	}
	if u.Deadline {
		r.ExpiresBy = &d.Deadline
	}
	return r
}

// The number of a single upload decides how it is named, and what its producer does with the answer.
const (
	byKeyEvery  = 2 // it has an Idempotency-Key and no external_id
	giveUpEvery = 5 // it is not submitted again when no answer came
	twiceEvery  = 3 // it is submitted again although the answer came
)

func (d *httpClient) single(ctx context.Context, u scenario.Upload) error {
	r, key := d.request(u), ""
	if u.Number%byKeyEvery == 0 {
		r.ExternalID, key = "", u.Name
	}
	times := 1
	if u.Number%twiceEvery == 0 {
		times = 2
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	for range times {
		var receipt struct{ ID uuid.UUID }
		err := d.do(ctx, call{
			name: u.Name, path: "/v1/uploads", key: key, kind: "application/json", body: bytes.NewReader(body), into: &receipt,
			mayRefuse: func(text string) bool { return isHopeless(u, text) },
		})
		if errors.Is(err, errHopeless) {
			return d.gaveUp(u)
		}
		if errors.Is(err, errUnanswered) && u.Number%giveUpEvery == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.ack(u, receipt.ID); err != nil {
			return err
		}
	}
	return nil
}

func (d *httpClient) cancel(ctx context.Context, id uuid.UUID) error {
	return d.do(ctx, call{path: "/v1/uploads/" + id.String() + "/cancel", mayConflict: true})
}

// call is one request to the API.
type call struct {
	name        string // of the upload or batch
	path        string
	key         string // its Idempotency-Key
	kind        string // Content-Type
	body        io.Reader
	into        any  // where a 2xx answer is decoded; nil: nowhere
	mayConflict bool // 409 is expected
	// mayRefuse reports whether an answer of 422 is right. Nil: none is.
	mayRefuse func(text string) bool
}

// errHopeless means that a request was refused, rightly.
var errHopeless = errors.New("its deadline can't be met")

// errUnanswered means that a request may have been accepted or not.
var errUnanswered = errors.New("no answer came")

// do makes one call. It records every answer that is not 2xx, and every missing answer. It returns Unavailable when the
// producer should send the same request again.
func (d *httpClient) do(ctx context.Context, c call) error {
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
	resp, err := d.http.Do(req)
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
	if resp.StatusCode == http.StatusUnprocessableEntity && c.mayRefuse != nil && c.mayRefuse(string(text)) {
		return errHopeless
	}
	return d.refused(c, resp, text)
}

func (d *httpClient) unanswered(ctx context.Context, c call) error {
	d.next++
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(&tasks.Error{Code: tasks.Unavailable, Op: "submit", Err: errUnanswered},
		d.journal.Write(history.Entry{Kind: history.Unanswered, Producer: d.Name, Name: c.name}))
}

// refused records a refusal. The producer tries again after every refusal; the checker judges which were right.
func (d *httpClient) refused(c call, resp *http.Response, text []byte) error {
	after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil {
		after = 0
	}
	return errors.Join(
		&tasks.Error{
			Code: tasks.Unavailable, Op: "submit", Err: fmt.Errorf("status %d", resp.StatusCode),
			RetryAfter: cmp.Or(time.Duration(after)*time.Second, time.Second),
		},
		d.journal.Write(history.Entry{
			Kind: history.Refused, Producer: d.Name, Name: c.name, Status: resp.StatusCode, After: after,
			Text: c.path + ": " + string(text[:min(len(text), 500)]),
		}))
}
