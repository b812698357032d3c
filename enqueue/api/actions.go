package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

type retryInput struct {
	ID   string `path:"id" format:"uuid" doc:"The upload"`
	Body *RetryRequest
}

// RetryRequest says how to retry.
type RetryRequest struct {
	Again bool `json:"again,omitempty" doc:"Retry one that succeeded, too"`
}

// BulkRequest chooses uploads for an action.
type BulkRequest struct {
	Filter FilterBody `json:"filter" doc:"Which uploads; {} means all that the caller sees"`
	DryRun bool       `json:"dry_run,omitempty" doc:"Only count"`
	Cursor string     `json:"cursor,omitempty" doc:"next of the answer before, to go on behind it"`
}

// BulkRetryRequest chooses uploads to be retried.
type BulkRetryRequest struct {
	BulkRequest
	Again bool `json:"again,omitempty" doc:"Retry those that succeeded, too"`
}

// BulkAnswer says what an action on many uploads did, or would do.
type BulkAnswer struct {
	DryRun  bool           `json:"dry_run"`
	Matched int            `json:"matched" doc:"Uploads that the filter chose"`
	Done    int            `json:"done" doc:"Those that were retried or canceled; in a dry run, that would be"`
	Left    map[string]int `json:"left" nullable:"false" doc:"The others, by why not"`
	Next    string         `json:"next,omitempty" doc:"There may be more: ask again with this cursor"`
}

type bulkCancelInput struct{ Body BulkRequest }

type bulkRetryInput struct{ Body BulkRetryRequest }

type bulkOutput struct{ Body BulkAnswer }

// bulkMost bounds one action, so that its request ends in some seconds.
const bulkMost = 10_000

func (s *Server) actionRoutes() {
	route(s, AccessSubmit, huma.Operation{
		OperationID: "retry-upload", Method: http.MethodPost, Path: "/v1/uploads/{id}/retry", Tags: []string{"uploads"},
		Summary: "Open a new round for an upload that has its outcome", Description: "The old outcome and its attempts are kept as history.",
	}, s.retry)
	route(s, AccessSubmit, huma.Operation{
		OperationID: "cancel-upload", Method: http.MethodPost, Path: "/v1/uploads/{id}/cancel", Tags: []string{"uploads"},
		Summary: "Cancel an upload",
		Description: "One that is running is given up by its worker within two seconds; where WeChat had answered already, it ends succeeded " +
			"all the same.",
	}, s.cancel)
	route(s, AccessSubmit, huma.Operation{
		OperationID: "retry-uploads", Method: http.MethodPost, Path: "/v1/retries", Tags: []string{"uploads"}, Summary: "Retry what a filter chooses",
	}, s.retryMany)
	route(s, AccessSubmit, huma.Operation{
		OperationID: "cancel-uploads", Method: http.MethodPost, Path: "/v1/cancellations", Tags: []string{"uploads"}, Summary: "Cancel what a filter chooses",
	}, s.cancelMany)
	route(s, AccessSubmit, huma.Operation{
		OperationID: "cancel-batch", Method: http.MethodPost, Path: "/v1/batches/{id}/cancel", Tags: []string{"batches"},
		Summary: "Cancel what is open of a batch", Description: "A batch that was still open takes no more rows. While the answer has a next, call it again.",
	}, s.cancelBatch)
}

func (s *Server) retry(ctx context.Context, in *retryInput) (*outcomeOutput, error) {
	o, err := s.own(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.one(ctx, caller(ctx)); err != nil {
		return nil, err
	}
	if err := s.cfg.Ledger.Retry(ctx, o.ID, in.Body != nil && in.Body.Again); err != nil {
		return nil, err
	}
	s.nudge()
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

func (s *Server) retryMany(ctx context.Context, in *bulkRetryInput) (*bulkOutput, error) {
	who := caller(ctx)
	defer s.nudge()
	return s.many(ctx, in.Body.BulkRequest, action{
		name: "retry",
		may: func(o tasks.Outcome) string {
			switch {
			case !o.State.Final():
				return string(o.State)
			case o.State == tasks.Succeeded && !in.Body.Again:
				return string(tasks.Succeeded)
			}
			return ""
		},
		do: func(id uuid.UUID) error {
			if err := s.one(ctx, who); err != nil {
				return err
			}
			return s.cfg.Ledger.Retry(ctx, id, in.Body.Again)
		},
	})
}

func (s *Server) cancelMany(ctx context.Context, in *bulkCancelInput) (*bulkOutput, error) {
	return s.many(ctx, in.Body, s.canceling(ctx))
}

func (s *Server) canceling(ctx context.Context) action {
	return action{
		name: "cancel",
		may: func(o tasks.Outcome) string {
			if o.State.Final() {
				return string(o.State)
			}
			return ""
		},
		do: func(id uuid.UUID) error {
			_, err := s.cfg.Ledger.Cancel(ctx, id)
			return err
		},
	}
}

func (s *Server) cancelBatch(ctx context.Context, in *oneBatchInput) (*bulkOutput, error) {
	b, err := s.ownBatch(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Ledger.Seal(ctx, b.ID, true); err != nil {
		return nil, err
	}
	return s.many(ctx, BulkRequest{Filter: FilterBody{Batch: &b.ID, State: openStates()}}, s.canceling(ctx))
}

func openStates() []string {
	var names []string
	for _, s := range tasks.States {
		if !s.Final() {
			names = append(names, string(s))
		}
	}
	return names
}

// action is what is done to many uploads.
type action struct {
	name string
	may  func(tasks.Outcome) string // why not; "" where it may be done
	do   func(uuid.UUID) error
}

// many does a to all that the filter chooses, a page at a time. What somebody else does meanwhile is counted as left.
func (s *Server) many(ctx context.Context, r BulkRequest, a action) (*bulkOutput, error) {
	f := r.Filter.filter(ctx)
	f.Cursor, f.Limit = r.Cursor, resultsPage
	answer := BulkAnswer{DryRun: r.DryRun, Left: map[string]int{}}
	for {
		page, next, err := s.cfg.Ledger.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			why := a.may(o)
			if why == "" && !r.DryRun {
				switch err := a.do(o.ID); tasks.CodeOf(err) {
				case "":
				case tasks.Conflict, tasks.TooMany:
					why = string(tasks.CodeOf(err))
				default:
					return nil, err
				}
			}
			answer.Matched++
			if why == "" {
				answer.Done++
			} else {
				answer.Left[why]++
			}
		}
		f.Cursor = next
		if next == "" || answer.Matched >= bulkMost {
			break
		}
	}
	answer.Next = f.Cursor
	if !r.DryRun {
		s.log.InfoContext(ctx, "bulk action", "request_id", requestID(ctx), "action", a.name, "producer", caller(ctx).Name, "matched", answer.Matched, "done", answer.Done)
	}
	return &bulkOutput{answer}, nil
}
