package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// Overview is what the ledger counts of everybody's uploads. It is kept by account and not by producer, so that it tells
// a producer of others: operators and viewers read it.
type Overview interface {
	Status(ctx context.Context) (tasks.Status, error)
	Series(ctx context.Context, f tasks.CountFilter, step time.Duration) (tasks.Series, error)
	Failures(ctx context.Context, f tasks.CountFilter) ([]tasks.FailureGroup, error)
	Processes(ctx context.Context) ([]tasks.Process, error)
	enqueue.Leading
}

// CountQuery chooses what is counted by the query string.
type CountQuery struct {
	Account string    `query:"account" doc:"Of this account"`
	Type    string    `query:"type" enum:"image,voice,video,thumb" doc:"As this type"`
	Code    string    `query:"code" doc:"Failures with this code"`
	Errcode int       `query:"errcode" doc:"Failures with this errcode of WeChat's"`
	Since   time.Time `query:"since" doc:"From the minute of this time on, or from its hour where that is over two weeks ago (RFC 3339); missing: an hour"`
	Until   time.Time `query:"until" doc:"Before this time (RFC 3339); missing: now"`
}

func (q CountQuery) filter() tasks.CountFilter {
	return tasks.CountFilter{
		Account: q.Account, Type: tasks.MediaType(q.Type), Code: tasks.Code(q.Code), Errcode: q.Errcode, Since: q.Since, Until: q.Until,
	}
}

type seriesInput struct {
	CountQuery
	Step int `query:"step" minimum:"0" maximum:"8640000" doc:"Seconds of each point: whole minutes, or whole hours where since is over two weeks ago; missing or 0: as suits some hundred points"`
}

// Series is what happened, step by step.
type Series struct {
	Since  time.Time     `json:"since"`
	Step   int           `json:"step" doc:"Seconds of each point"`
	Points []tasks.Point `json:"points" nullable:"false"`
}

type seriesOutput struct{ Body Series }

type failuresInput struct {
	CountQuery
	Spoken
}

// Failure is the rounds of one account that failed for one reason.
type Failure struct {
	tasks.FailureGroup
	Meaning string `json:"meaning" doc:"What happened, in a few words"`
	Hint    string `json:"hint,omitempty" doc:"What to do about it"`
}

// FailureList is the reasons why uploads failed, the most frequent first.
type FailureList struct {
	Failures []Failure `json:"failures" nullable:"false"`
}

type failuresOutput struct {
	Vary string `header:"Vary"`
	Body FailureList
}

// Fleet lists the living processes, and the settings in which they differ.
type Fleet struct {
	Processes     []tasks.Process      `json:"processes" nullable:"false"`
	Disagreements []tasks.Disagreement `json:"disagreements,omitempty" nullable:"false" doc:"Settings that the processes were told differently: the strictest limit counts"`
}

type fleetOutput struct{ Body Fleet }

type systemOutput struct{ Body tasks.System }

type statusOutput struct {
	Vary string `header:"Vary"`
	Body tasks.Status
}

func (s *Server) overviewRoutes() {
	route(s, enqueue.AccessWatch, huma.Operation{
		OperationID: "get-status", Method: http.MethodGet, Path: "/v1/status", Tags: []string{"overview"},
		Summary: "How many uploads are where, of all that were ever accepted, and the accounts",
	}, s.status)
	route(s, enqueue.AccessWatch, huma.Operation{
		OperationID: "get-series", Method: http.MethodGet, Path: "/v1/series", Tags: []string{"overview"},
		Summary:     "What happened over time",
		Description: "Accepted uploads and outcomes by the step, from counts: an upload that is retried counts again in each of its rounds. At most 2,000 points.",
	}, s.series)
	route(s, enqueue.AccessWatch, huma.Operation{
		OperationID: "list-failures", Method: http.MethodGet, Path: "/v1/failures", Tags: []string{"overview"},
		Summary:     "Why uploads failed, by account, code and errcode, the most frequent first",
		Description: "before is how many it were in the time of the same length before: the trend.",
	}, s.failures)
	route(s, enqueue.AccessWatch, huma.Operation{
		OperationID: "list-processes", Method: http.MethodGet, Path: "/v1/processes", Tags: []string{"overview"},
		Summary: "The processes that live: their slots, addresses, and what they can't reach",
	}, s.processes)
	route(s, enqueue.AccessWatch, huma.Operation{
		OperationID: "get-system", Method: http.MethodGet, Path: "/v1/system", Tags: []string{"overview"},
		Summary: "Who leads, what lies in the queues, how large the ledger is, and what is wrong where the server runs",
	}, s.system)
}

func (s *Server) status(ctx context.Context, in *spokenInput) (*statusOutput, error) {
	st, err := s.cfg.Ledger.Status(ctx)
	if err != nil {
		return nil, err
	}
	st.Accounts = orEmpty(st.Accounts)
	for i := range st.Accounts {
		s.hold(in.Spoken, &st.Accounts[i])
	}
	return &statusOutput{varies, st}, nil
}

func (s *Server) series(ctx context.Context, in *seriesInput) (*seriesOutput, error) {
	got, err := s.cfg.Ledger.Series(ctx, in.filter(), time.Duration(in.Step)*time.Second)
	if err != nil {
		return nil, err
	}
	return &seriesOutput{Series{got.Since, int(got.Step / time.Second), orEmpty(got.Points)}}, nil
}

func (s *Server) failures(ctx context.Context, in *failuresInput) (*failuresOutput, error) {
	groups, err := s.cfg.Ledger.Failures(ctx, in.filter())
	if err != nil {
		return nil, err
	}
	list := FailureList{[]Failure{}}
	for _, g := range groups {
		list.Failures = append(list.Failures, s.failure(in.Spoken, g))
	}
	return &failuresOutput{varies, list}, nil
}

func (s *Server) processes(ctx context.Context, _ *struct{}) (*fleetOutput, error) {
	ps, err := s.cfg.Ledger.Processes(ctx)
	if err != nil {
		return nil, err
	}
	return &fleetOutput{Fleet{orEmpty(ps), tasks.Disagreements(ps)}}, nil
}

func (s *Server) system(ctx context.Context, _ *struct{}) (*systemOutput, error) {
	got, err := enqueue.SystemOf(ctx, s.cfg.Ledger, s.cfg.Surroundings)
	if err != nil {
		return nil, err
	}
	return &systemOutput{got}, nil
}
