package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mediaferry/mediaferry/enqueue"
)

type retryInput struct {
	ID   string `path:"id" format:"uuid" doc:"The upload"`
	Body *RetryRequest
}

// RetryRequest has the options of a retry.
type RetryRequest struct {
	Again bool `json:"again,omitempty" doc:"Retry one that succeeded, too"`
}

func (s *Server) actionRoutes() {
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "retry-upload", Method: http.MethodPost, Path: "/v1/uploads/{id}/retry", Tags: []string{"uploads"},
		Summary: "Open a new round for an upload that has its outcome", Description: "The old outcome and its attempts are kept as history.",
	}, s.retry)
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "cancel-upload", Method: http.MethodPost, Path: "/v1/uploads/{id}/cancel", Tags: []string{"uploads"},
		Summary: "Cancel an upload",
		Description: "One that is running is given up by its worker within two seconds; where WeChat had answered already, it ends succeeded " +
			"all the same.",
	}, s.cancel)
}

func (s *Server) retry(ctx context.Context, in *retryInput) (*outcomeOutput, error) {
	o, err := s.own(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.Producer(caller(ctx)).RetryAny(ctx, o.ID, in.Body != nil && in.Body.Again); err != nil {
		return nil, err
	}
	return s.upload(ctx, &oneInput{in.ID})
}

func (s *Server) nudge() {
	if s.cfg.Nudge != nil {
		s.cfg.Nudge()
	}
}

func (s *Server) cancel(ctx context.Context, in *oneInput) (*outcomeOutput, error) {
	o, err := s.own(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := s.cfg.Ledger.Cancel(ctx, o.ID); err != nil {
		return nil, err
	}
	return s.upload(ctx, in)
}
