package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// BulkRequest chooses uploads for an action.
type BulkRequest struct {
	Filter FilterBody `json:"filter" doc:"Which uploads; {} means all that the caller sees"`
	DryRun bool       `json:"dry_run,omitempty" doc:"Only count"`
}

// BulkRetryRequest chooses uploads to be retried.
type BulkRetryRequest struct {
	BulkRequest
	Again bool `json:"again,omitempty" doc:"Retry those that succeeded, too"`
}

// Preview says what an action on many uploads would do.
type Preview struct {
	DryRun  bool           `json:"dry_run"`
	Matched int            `json:"matched" doc:"Uploads that the filter chooses"`
	Done    int            `json:"done" doc:"Those that would be retried or canceled, and with a cancel those whose media would not be kept alive any more"`
	Left    map[string]int `json:"left" nullable:"false" doc:"The others, by why not: their states"`
	Calls   []Calls        `json:"calls" nullable:"false" doc:"What a retry costs at most, account by account: content that is known by then costs nothing"`
}

// Calls says how many of an account's calls an action costs.
type Calls struct {
	Account   string `json:"account"`
	Calls     int    `json:"calls" doc:"Upload calls that it costs"`
	MadeToday int    `json:"made_today" doc:"Upload calls of today so far"`
	LeftToday *int   `json:"left_today,omitempty" doc:"Upload calls that are left today; missing: no daily limit is known"`
}

// ActionPage is one page of actions, the newest first.
type ActionPage struct {
	Actions []tasks.Action `json:"actions" nullable:"false"`
	Next    string         `json:"next,omitempty" doc:"The cursor of the next page; missing after the last one"`
}

type bulkCancelInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"For 24 hours the same request under the same key begins one action; another one under it is a conflict"`
	Body BulkRequest
}

type bulkRetryInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"For 24 hours the same request under the same key begins one action; another one under it is a conflict"`
	Body BulkRetryRequest
}

// bulkOutput has a Preview with 200, or a tasks.Action with 202.
type bulkOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     any
}

type cancelBatchInput struct {
	ID  string `path:"id" format:"uuid" doc:"The batch"`
	Key string `header:"Idempotency-Key" maxLength:"255" doc:"For 24 hours the same request under the same key begins one action; another one under it is a conflict"`
}

type begunOutput struct {
	Location string `header:"Location"`
	Body     tasks.Action
}

type actionInput struct {
	ID string `path:"id" format:"uuid" doc:"The action"`
}

type actionOutput struct{ Body tasks.Action }

type actionListInput struct {
	Producer string `query:"producer" doc:"Actions begun with a key of this producer; a producer sees its own anyway"`
	Cursor   string `query:"cursor" doc:"next of the last page"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Actions a page"`
}

type actionPageOutput struct{ Body ActionPage }

func (s *Server) bulkRoutes() {
	const how = " With dry_run it is only counted (200). Otherwise it begins an action (202), which goes on by itself, page by page, even where the " +
		"server dies: follow it at its Location, and stop it there. It reaches what was submitted before it began."
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "retry-uploads", Method: http.MethodPost, Path: "/v1/retries", Tags: []string{"actions"}, Summary: "Retry what a filter chooses",
		Description: "Opens a new round for each; the old outcomes are kept as history." + how, Responses: s.bulkResponses(),
	}, s.retryFiltered)
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "cancel-uploads", Method: http.MethodPost, Path: "/v1/cancellations", Tags: []string{"actions"}, Summary: "Cancel what a filter chooses",
		Description: "What runs is given up by its worker, unless WeChat has answered by then. What has succeeded stays, but its media is not kept alive any more." + how, Responses: s.bulkResponses(),
	}, s.cancelFiltered)
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "cancel-batch", Method: http.MethodPost, Path: "/v1/batches/{id}/cancel", DefaultStatus: http.StatusAccepted, Tags: []string{"batches"},
		Summary:     "Cancel what is open of a batch, and end that its media are kept alive",
		Description: "A batch that was still open takes no more rows. The rest is an action, as of POST /v1/cancellations.",
	}, s.cancelBatch)
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "list-actions", Method: http.MethodGet, Path: "/v1/actions", Tags: []string{"actions"},
		Summary: "Who retried or canceled many uploads, the newest first",
	}, s.actions)
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "get-action", Method: http.MethodGet, Path: "/v1/actions/{id}", Tags: []string{"actions"}, Summary: "How far an action is",
	}, s.action)
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "stop-action", Method: http.MethodPost, Path: "/v1/actions/{id}/stop", Tags: []string{"actions"}, Summary: "Stop an action",
		Description: "When it is answered, nothing more is done; what was done stays. An action that had ended is answered as it is.",
	}, s.stopAction)
}

// bulkResponses describes the two answers of an action.
func (s *Server) bulkResponses() map[string]*huma.Response {
	as := func(t reflect.Type, name, description string) *huma.Response {
		schema := s.api.OpenAPI().Components.Schemas.Schema(t, true, name)
		return &huma.Response{Description: description, Content: map[string]*huma.MediaType{jsonType: {Schema: schema}}}
	}
	begun := as(reflect.TypeFor[tasks.Action](), "Action", "The action has begun")
	begun.Headers = map[string]*huma.Header{"Location": {Description: "Where to follow it", Schema: &huma.Schema{Type: huma.TypeString}}}
	return map[string]*huma.Response{"200": as(reflect.TypeFor[Preview](), "Preview", "What it would do"), "202": begun}
}

func (s *Server) retryFiltered(ctx context.Context, in *bulkRetryInput) (*bulkOutput, error) {
	a := caller(ctx).NewAction(tasks.ActionRetry, in.Body.Filter.filter(ctx))
	a.Again = in.Body.Again
	return s.previewOrBegin(ctx, a, in.Body.DryRun, in.Key)
}

func (s *Server) cancelFiltered(ctx context.Context, in *bulkCancelInput) (*bulkOutput, error) {
	return s.previewOrBegin(ctx, caller(ctx).NewAction(tasks.ActionCancel, in.Body.Filter.filter(ctx)), in.Body.DryRun, in.Key)
}

func (s *Server) cancelBatch(ctx context.Context, in *cancelBatchInput) (*begunOutput, error) {
	b, err := s.ownBatch(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Ledger.Seal(ctx, b.ID, true); err != nil {
		return nil, err
	}
	of := tasks.Filter{Batch: b.ID, States: append(tasks.Before(tasks.StepCancel), tasks.Succeeded)}
	begun, err := s.beginOnce(ctx, caller(ctx).NewAction(tasks.ActionCancel, caller(ctx).Confined(of)), in.Key)
	if err != nil {
		return nil, err
	}
	return &begunOutput{"/v1/actions/" + begun.ID.String(), begun}, nil
}

func (s *Server) previewOrBegin(ctx context.Context, a tasks.Action, dry bool, key string) (*bulkOutput, error) {
	if dry {
		p, err := s.preview(ctx, a)
		if err != nil {
			return nil, err
		}
		return &bulkOutput{Status: http.StatusOK, Body: p}, nil
	}
	begun, err := s.beginOnce(ctx, a, key)
	if err != nil {
		return nil, err
	}
	return &bulkOutput{http.StatusAccepted, "/v1/actions/" + begun.ID.String(), begun}, nil
}

func (s *Server) preview(ctx context.Context, a tasks.Action) (*Preview, error) {
	p, err := s.cfg.Actor.Preview(ctx, a)
	if err != nil {
		return nil, err
	}
	accounts, err := s.cfg.Ledger.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	answer := &Preview{DryRun: true, Matched: p.Matched, Done: p.Can, Left: p.Left, Calls: []Calls{}}
	for _, account := range accounts {
		if n := p.Calls[account.Name]; n > 0 {
			c := Calls{Account: account.Name, Calls: n, MadeToday: account.CallsToday}
			if left, limited := account.LeftToday(); limited {
				c.LeftToday = &left
			}
			answer.Calls = append(answer.Calls, c)
		}
	}
	return answer, nil
}

// beginOnce begins an action, once for each Idempotency-Key.
func (s *Server) beginOnce(ctx context.Context, a tasks.Action, key string) (tasks.Action, error) {
	var err error
	if a.Request, err = namedRequest(key, []any{a.Kind, a.Choice, a.Again}); err != nil {
		return a, err
	}
	if a, err = s.cfg.Actor.BeginAs(ctx, s.Producer(caller(ctx)), a); err != nil {
		return a, err
	}
	s.log.InfoContext(ctx, "action began", "request_id", requestID(ctx), "action_id", a.ID, "kind", a.Kind, "by", a.By, "matched", a.Matched)
	return a, nil
}

func (s *Server) actions(ctx context.Context, in *actionListInput) (*actionPageOutput, error) {
	f := tasks.ActionFilter{Producer: caller(ctx).Confined(tasks.Filter{Producer: in.Producer}).Producer, Cursor: in.Cursor, Limit: in.Limit}
	page, next, err := s.cfg.Ledger.Actions(ctx, f)
	if err != nil {
		return nil, err
	}
	return &actionPageOutput{ActionPage{Actions: orEmpty(page), Next: next}}, nil
}

func (s *Server) action(ctx context.Context, in *actionInput) (*actionOutput, error) {
	a, err := s.ownAction(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &actionOutput{a}, nil
}

func (s *Server) stopAction(ctx context.Context, in *actionInput) (*actionOutput, error) {
	a, err := s.ownAction(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if a, err = s.cfg.Ledger.StopAction(ctx, a.ID); err != nil {
		return nil, err
	}
	return &actionOutput{a}, nil
}

// ownAction returns an action if it exists for the caller.
func (s *Server) ownAction(ctx context.Context, text string) (tasks.Action, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return tasks.Action{}, notFound("action")
	}
	a, err := s.cfg.Ledger.Action(ctx, id)
	if err == nil && !caller(ctx).Owns(a.Producer) {
		err = notFound("action")
	}
	return a, err
}
