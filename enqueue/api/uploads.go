package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Receipt answers an accepted upload: it is kept, and will have its outcome.
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

// OutcomePage is one page of uploads, the newest first.
type OutcomePage struct {
	Uploads []tasks.Outcome `json:"uploads" nullable:"false"`
	Next    string          `json:"next,omitempty" doc:"The cursor of the next page; missing after the last one"`
}

func (s *Server) uploadRoutes() {
	route(s, AccessSubmit, huma.Operation{
		OperationID: "submit-upload", Method: http.MethodPost, Path: "/v1/uploads", DefaultStatus: http.StatusAccepted, Tags: []string{"uploads"},
		Summary: "Submit one upload", Description: "Answers once the upload is kept durably. Its outcome comes by webhook, by event, or by asking.",
	}, s.submit)
	route(s, AccessRead, huma.Operation{
		OperationID: "get-upload", Method: http.MethodGet, Path: "/v1/uploads/{id}", Tags: []string{"uploads"},
		Summary: "One upload with its history",
	}, s.upload)
	route(s, AccessRead, huma.Operation{
		OperationID: "list-uploads", Method: http.MethodGet, Path: "/v1/uploads", Tags: []string{"uploads"},
		Summary: "Uploads, the newest first",
	}, s.uploads)
}

// requestLife is how long an Idempotency-Key is remembered.
const requestLife = 24 * time.Hour

func (s *Server) submit(ctx context.Context, in *submitInput) (*submitOutput, error) {
	u, err := in.Body.allowed(ctx)
	if err != nil {
		return nil, err
	}
	who := caller(ctx)
	id, err := s.requested(ctx, who, in.Key, in.Body)
	if err != nil {
		return nil, err
	}
	r, err := s.accept(ctx, who, id, u)
	if err != nil {
		return nil, err
	}
	return &submitOutput{Location: "/v1/uploads/" + r.ID.String(), Body: Receipt{ID: r.ID, State: r.State, Created: r.Created}}, nil
}

// accept submits one upload within the caller's limits.
func (s *Server) accept(ctx context.Context, who Identity, id uuid.UUID, u tasks.Upload) (tasks.Receipt, error) {
	if err := s.one(ctx, who); err != nil {
		return tasks.Receipt{}, err
	}
	r, err := s.producer(who).SubmitAs(ctx, id, u)
	if !r.Created {
		s.unspend(ctx, who, 1)
	}
	return r, err
}

// requested returns the ID that goes with an Idempotency-Key and what is asked for under it; none without a key.
func (s *Server) requested(ctx context.Context, who Identity, key string, what any) (uuid.UUID, error) {
	if key == "" {
		return uuid.Nil, nil
	}
	text, err := json.Marshal(what)
	if err != nil {
		return uuid.Nil, invalid("read request", "body: %s", jsonFault(err))
	}
	digest := sha256.Sum256(text)
	return s.cfg.Ledger.Request(ctx, who.Name, key, digest[:], requestLife)
}

func (s *Server) upload(ctx context.Context, in *oneInput) (*outcomeOutput, error) {
	o, err := s.own(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &outcomeOutput{o}, nil
}

// own returns an upload if it exists for the caller.
func (s *Server) own(ctx context.Context, text string) (tasks.Outcome, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return tasks.Outcome{}, notFound("upload")
	}
	o, err := s.cfg.Ledger.Outcome(ctx, id)
	if err == nil && !caller(ctx).owns(o.Producer) {
		err = notFound("upload")
	}
	return o, err
}

func notFound(what string) error {
	return &tasks.Error{Code: tasks.NotFound, Op: "look up " + what, Err: fmt.Errorf("there is no such %s", what)}
}

type listInput struct {
	FilterQuery
	Cursor string `query:"cursor" doc:"next of the last page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Uploads a page"`
}

type listOutput struct{ Body OutcomePage }

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
	return &listOutput{OutcomePage{Uploads: present(page), Next: next}}, nil
}

// present makes an empty page [] and not null.
func present[T any](page []T) []T {
	if page == nil {
		return []T{}
	}
	return page
}
