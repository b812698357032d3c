package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// AccountList is all accounts that the caller may submit to, by name.
type AccountList struct {
	Accounts []tasks.AccountStatus `json:"accounts" nullable:"false"`
}

type accountsOutput struct{ Body AccountList }

type accountInput struct {
	Name string `path:"name" maxLength:"64" doc:"The account"`
}

// Resumed says whether there was a hold to lift.
type Resumed struct {
	Resumed bool `json:"resumed" doc:"false: it was not held"`
}

type resumeOutput struct{ Body Resumed }

func (s *Server) accountRoutes() {
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "list-accounts", Method: http.MethodGet, Path: "/v1/accounts", Tags: []string{"accounts"},
		Summary:     "The official accounts, their calls of today and their holds",
		Description: "A producer is shown the accounts that it may submit to, without how much others have open there.",
	}, s.accounts)
	route(s, enqueue.AccessOperate, huma.Operation{
		OperationID: "resume-account", Method: http.MethodPost, Path: "/v1/accounts/{name}/resume", Tags: []string{"accounts"},
		Summary: "Lift the hold of an account, after what it was held for was mended",
	}, s.resume)
}

func (s *Server) accounts(ctx context.Context, _ *struct{}) (*accountsOutput, error) {
	all, err := s.cfg.Ledger.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	who := caller(ctx)
	mine := slices.DeleteFunc(all, func(a tasks.AccountStatus) bool { return !who.MayUse(a.Name) })
	if !who.Staff() {
		for i := range mine {
			mine[i].Open = 0
		}
	}
	return &accountsOutput{AccountList{orEmpty(mine)}}, nil
}

func (s *Server) resume(ctx context.Context, in *accountInput) (*resumeOutput, error) {
	all, err := s.cfg.Ledger.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(a tasks.AccountStatus) bool { return a.Name == in.Name })
	if i < 0 {
		return nil, notFound("account")
	}
	held, err := s.cfg.Ledger.Resume(ctx, all[i].Realm, all[i].AppID)
	if err != nil {
		return nil, err
	}
	s.nudge()
	return &resumeOutput{Resumed{held}}, nil
}
