package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// Receipt answers an accepted upload, which is durable and will get an outcome.
type Receipt struct {
	ID      uuid.UUID   `json:"id" format:"uuid"`
	State   tasks.State `json:"state" doc:"Where it is now"`
	Created bool        `json:"created" doc:"false: the same request had been accepted before"`
}

type submitInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"For 24 hours the same request under the same key is one request; another one under it is a conflict"`
	Body UploadRequest
}

type submitOutput struct {
	Location string `header:"Location"`
	Body     Receipt
}

type oneInput struct {
	ID string `path:"id" format:"uuid" doc:"The upload"`
}

type outcomeOutput struct{ Body tasks.Outcome }

type getInput struct {
	ID string `path:"id" format:"uuid" doc:"The upload"`
	Spoken
}

type getOutput struct {
	Vary string `header:"Vary"`
	Body tasks.Outcome
}

// OutcomePage is one page of uploads, the newest first.
type OutcomePage struct {
	Uploads []tasks.Outcome `json:"uploads" nullable:"false"`
	Next    string          `json:"next,omitempty" doc:"The cursor of the next page; missing after the last one"`
	Matched *int            `json:"matched,omitempty" doc:"With count: how many match, up to 10,000; missing for a choice by text, source or metadata"`
	More    bool            `json:"more,omitempty" doc:"With count: at least matched do, and others were not looked at"`
}

// mostCounted is how far uploads that match are counted.
const mostCounted = 10_000

func (s *Server) uploadRoutes() {
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "submit-upload", Method: http.MethodPost, Path: "/v1/uploads", DefaultStatus: http.StatusAccepted, Tags: []string{"uploads"},
		Summary: "Submit one upload", Description: "Answers once the upload is kept durably. Its outcome comes by webhook, by event, or by asking.",
	}, s.submit)
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "get-upload", Method: http.MethodGet, Path: "/v1/uploads/{id}", Tags: []string{"uploads"},
		Summary: "One upload with its history",
	}, s.get)
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "list-uploads", Method: http.MethodGet, Path: "/v1/uploads", Tags: []string{"uploads"},
		Summary: "Uploads, the newest first",
	}, s.uploads)
}

// requestLife is the time for which an Idempotency-Key is kept.
const requestLife = 24 * time.Hour

func (s *Server) submit(ctx context.Context, in *submitInput) (*submitOutput, error) {
	u, err := in.Body.upload()
	if err != nil {
		return nil, err
	}
	asked := in.Body
	asked.KeepFreshUntil = nil // a later date is the same request
	named, err := namedRequest(in.Key, asked)
	if err != nil {
		return nil, err
	}
	r, err := s.Producer(caller(ctx)).SubmitNamed(ctx, u, named)
	if err != nil {
		return nil, err
	}
	return &submitOutput{Location: "/v1/uploads/" + r.ID.String(), Body: Receipt{ID: r.ID, State: r.State, Created: r.Created}}, nil
}

// namedRequest returns an Idempotency-Key with the digest of what. Without a key it returns zero.
func namedRequest(key string, what any) (tasks.Request, error) {
	if key == "" {
		return tasks.Request{}, nil
	}
	text, err := json.Marshal(what)
	if err != nil {
		return tasks.Request{}, invalid("read request", "body: %s", jsonFault(err))
	}
	digest := sha256.Sum256(text)
	return tasks.Request{Name: key, Digest: digest[:], Life: requestLife}, nil
}

func (s *Server) upload(ctx context.Context, in *oneInput) (*outcomeOutput, error) {
	o, err := s.own(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &outcomeOutput{o}, nil
}

func (s *Server) get(ctx context.Context, in *getInput) (*getOutput, error) {
	o, err := s.own(ctx, in.ID)
	if err == nil {
		o.Reuse, err = caller(ctx).ReuseOf(ctx, s.cfg.Ledger, o)
	}
	if err != nil {
		return nil, err
	}
	return &getOutput{varies, s.outcome(in.Spoken, o)}, nil
}

// own returns an upload if it exists for the caller.
func (s *Server) own(ctx context.Context, text string) (tasks.Outcome, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return tasks.Outcome{}, notFound("upload")
	}
	o, err := s.cfg.Ledger.Outcome(ctx, id)
	if err == nil && !caller(ctx).Owns(o.Producer) {
		err = notFound("upload")
	}
	return o, err
}

func notFound(what string) error {
	return &tasks.Error{Code: tasks.NotFound, Op: "look up " + what, Err: tasks.Textf("there is no such %s", what)}
}

type listInput struct {
	FilterQuery
	Spoken
	Cursor string `query:"cursor" doc:"next of the last page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Uploads a page"`
	Count  bool   `query:"count" doc:"Count all that match, too"`
}

type listOutput struct {
	Vary string `header:"Vary"`
	Body OutcomePage
}

func (s *Server) uploads(ctx context.Context, in *listInput) (*listOutput, error) {
	f, err := in.filter(ctx)
	if err != nil {
		return nil, err
	}
	f.Cursor, f.Limit = in.Cursor, in.Limit
	page, next, err := s.cfg.Ledger.List(ctx, f)
	if err != nil {
		return nil, err
	}
	for i := range page {
		page[i] = s.outcome(in.Spoken, page[i])
	}
	out := OutcomePage{Uploads: orEmpty(page), Next: next}
	if in.Count {
		n, whole, err := s.cfg.Ledger.CountUpTo(ctx, f, mostCounted)
		if err != nil {
			return nil, err
		}
		if n >= 0 {
			out.Matched, out.More = &n, !whole
		}
	}
	return &listOutput{varies, out}, nil
}

// orEmpty makes an empty page [] and not null.
func orEmpty[T any](page []T) []T {
	if page == nil {
		return []T{}
	}
	return page
}
