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

type accountsOutput struct {
	Vary string `header:"Vary"`
	Body AccountList
}

type accountInput struct {
	Name string `path:"name" maxLength:"64" doc:"The account"`
}

type resumeOutput struct{ Body tasks.Resumption }

type probeOutput struct{ Body tasks.Probe }

func (s *Server) accountRoutes() {
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "list-accounts", Method: http.MethodGet, Path: "/v1/accounts", Tags: []string{"accounts"},
		Summary:     "The official accounts, their calls of today and their holds",
		Description: "A producer is shown the accounts that it may submit to, without how much others have open there, and nothing of access tokens.",
	}, s.accounts)
	route(s, enqueue.AccessOperate, huma.Operation{
		OperationID: "resume-account", Method: http.MethodPost, Path: "/v1/accounts/{name}/resume", Tags: []string{"accounts"},
		Summary:     "Lift the hold of an account, if WeChat takes it",
		Description: "WeChat is asked first, with the account's credentials as they are now. One that it refuses stays held, and the answer is that error.",
	}, s.resume)
	route(s, enqueue.AccessOperate, huma.Operation{
		OperationID: "probe-account", Method: http.MethodPost, Path: "/v1/accounts/{name}/probe", Tags: []string{"accounts"},
		Summary: "Ask WeChat whether an account works: for a token, and for the quota with it", Description: "It costs no upload call.",
	}, s.probe)
}

func (s *Server) accounts(ctx context.Context, in *spokenInput) (*accountsOutput, error) {
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
	} else {
		enqueue.AddTokens(ctx, s.cfg.Asker, mine)
	}
	for i := range mine {
		s.hold(in.Spoken, &mine[i])
	}
	return &accountsOutput{varies, AccountList{orEmpty(mine)}}, nil
}

func (s *Server) resume(ctx context.Context, in *accountInput) (*resumeOutput, error) {
	done, err := enqueue.ResumeAccount(ctx, s.cfg.Ledger, s.cfg.Asker, in.Name)
	if err != nil {
		return nil, err
	}
	s.nudge()
	return &resumeOutput{done}, nil
}

func (s *Server) probe(ctx context.Context, in *accountInput) (*probeOutput, error) {
	p, err := enqueue.ProbeAccount(ctx, s.cfg.Asker, in.Name)
	if err != nil {
		return nil, err
	}
	return &probeOutput{p}, nil
}
