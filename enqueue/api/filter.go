package api

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// FilterQuery chooses uploads by the query string.
type FilterQuery struct {
	State    []string  `query:"state" enum:"queued,running,waiting,succeeded,failed,canceled" doc:"Any of these states, separated by commas"`
	Batch    string    `query:"batch" format:"uuid" doc:"Uploads of this batch"`
	Account  string    `query:"account" doc:"Uploads to this account"`
	Type     string    `query:"type" enum:"image,voice,video,thumb" doc:"Uploads as this type"`
	Code     string    `query:"code" doc:"Uploads with this code"`
	Errcode  int       `query:"errcode" doc:"Uploads with this errcode of WeChat's"`
	Producer string    `query:"producer" doc:"Uploads of this producer; a producer sees its own anyway"`
	Since    time.Time `query:"since" doc:"Submitted then or later (RFC 3339)"`
	Until    time.Time `query:"until" doc:"Submitted before (RFC 3339)"`
	Query    string    `query:"q" maxLength:"255" doc:"Part of the source, the filename or the external id. A choice by q, source or metadata is made row by row: a page may then be short, or empty, though others follow; go by next"`
	Source   string    `query:"source" maxLength:"1024" doc:"Sources that match this glob, as shop/**/*.jpg"`
	Metadata []string  `query:"metadata" doc:"KEY=VALUE at the top of the metadata; several, separated by commas, must all match"`
}

// FilterBody chooses uploads in a body; missing fields choose all.
type FilterBody struct {
	State    []string   `json:"state,omitempty" nullable:"false" enum:"queued,running,waiting,succeeded,failed,canceled"`
	Batch    *uuid.UUID `json:"batch,omitempty" format:"uuid"`
	Account  string     `json:"account,omitempty"`
	Type     string     `json:"type,omitempty" enum:"image,voice,video,thumb"`
	Code     string     `json:"code,omitempty"`
	Errcode  int        `json:"errcode,omitempty"`
	Producer string     `json:"producer,omitempty" doc:"A producer's filter finds its own only"`
	Since    *time.Time `json:"since,omitempty"`
	Until    *time.Time `json:"until,omitempty"`
	Query    string     `json:"q,omitempty" maxLength:"255"`
	Source   string     `json:"source,omitempty" maxLength:"1024" doc:"A glob, as shop/**/*.jpg"`

	Metadata map[string]string `json:"metadata,omitempty" nullable:"false" doc:"Names at the top of the metadata, with the values they must have"`
}

func (q FilterQuery) filter(ctx context.Context) (tasks.Filter, error) {
	f := tasks.Filter{
		Producer: q.Producer, Account: q.Account, Type: tasks.MediaType(q.Type), Code: tasks.Code(q.Code), Errcode: q.Errcode,
		Since: q.Since, Until: q.Until, Query: q.Query, Source: q.Source, States: states(q.State),
	}
	for _, pair := range q.Metadata {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return f, invalid("read request", "query.metadata: is not KEY=VALUE")
		}
		if f.Metadata == nil {
			f.Metadata = map[string]string{}
		}
		f.Metadata[key] = value
	}
	if q.Batch != "" {
		id, err := uuid.Parse(q.Batch)
		if err != nil {
			return f, invalid("read request", "query.batch: is not a UUID")
		}
		f.Batch = id
	}
	return caller(ctx).Confined(f), nil
}

func (b FilterBody) filter(ctx context.Context) tasks.Filter {
	f := tasks.Filter{
		Producer: b.Producer, Account: b.Account, Type: tasks.MediaType(b.Type), Code: tasks.Code(b.Code), Errcode: b.Errcode,
		Query: b.Query, Source: b.Source, Metadata: b.Metadata, States: states(b.State),
	}
	if b.Batch != nil {
		f.Batch = *b.Batch
	}
	if b.Since != nil {
		f.Since = *b.Since
	}
	if b.Until != nil {
		f.Until = *b.Until
	}
	return caller(ctx).Confined(f)
}

func states(names []string) []tasks.State {
	var out []tasks.State
	for _, n := range names {
		out = append(out, tasks.State(n))
	}
	return out
}
