package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// MediaRequest asks for a media_id now.
type MediaRequest struct {
	UploadRequest
	Checksum bool `json:"checksum,omitempty" doc:"Read the source again, also where it looks as it did when it was uploaded"`
	Wait     *int `json:"wait,omitempty" minimum:"0" maximum:"600" doc:"Seconds to wait for the outcome; missing: the server's own limit, which is the most"`
}

type mediaInput struct{ Body MediaRequest }

type mediaOutput struct {
	Status int
	Body   tasks.Outcome
}

type forgetInput struct {
	ID string `path:"media_id" maxLength:"255" doc:"The media_id as WeChat gave it"`
}

func (s *Server) mediaRoutes() {
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "get-media", Method: http.MethodPost, Path: "/v1/media", Tags: []string{"media"},
		Summary: "A live media_id for this source, now",
		Description: "Answers with a media that is known and lives long enough, or uploads with interactive priority and waits. 200 has the outcome, " +
			"which may be a failure; 202 says that it is not there yet: ask for the upload later. Under an external_id that is known, " +
			"the source is looked at: unless size, mtime, ctime and inode (of an object size and ETag) are as they were, a new round reads it.",
		Responses: map[string]*huma.Response{"202": {Description: "There is no outcome yet", Content: map[string]*huma.MediaType{
			jsonType: {Schema: &huma.Schema{Ref: "#/components/schemas/Outcome"}},
		}}},
	}, s.media)
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "forget-media", Method: http.MethodDelete, Path: "/v1/media/{media_id}", DefaultStatus: http.StatusNoContent, Tags: []string{"media"},
		Summary: "Don't answer with this media any more",
		Description: "For one that WeChat does not know any more: the next upload of its content calls WeChat. Those may forget a media whose uploads " +
			"are answered with it: all who may submit to its account, or, where the operator set worker.reuse to producer, the one producer.",
	}, s.forget)
}

func (s *Server) media(ctx context.Context, in *mediaInput) (*mediaOutput, error) {
	u, err := in.Body.upload()
	if err != nil {
		return nil, err
	}
	wait := s.cfg.Wait
	if in.Body.Wait != nil {
		wait = min(wait, time.Duration(*in.Body.Wait)*time.Second)
	}
	o, err := s.submitAndWait(ctx, caller(ctx), u, wait, in.Body.Checksum)
	if err != nil {
		return nil, err
	}
	if !o.State.Final() {
		return &mediaOutput{http.StatusAccepted, o}, nil
	}
	return &mediaOutput{http.StatusOK, o}, nil
}

// submitAndWait submits u ahead of the bulk, unless the caller may not do that, and returns its outcome, or how far it is
// when the time is over. A source that was read before is read again with checksum, and where it looks otherwise.
func (s *Server) submitAndWait(ctx context.Context, who enqueue.Caller, u tasks.Upload, wait time.Duration, checksum bool) (tasks.Outcome, error) {
	if !who.BulkOnly {
		u.Priority = tasks.Interactive
	}
	p := s.Producer(who)
	r, err := p.Submit(ctx, u)
	if err != nil {
		return tasks.Outcome{}, err
	}
	if !r.Created {
		if err := s.refresh(ctx, p, r.ID, checksum); err != nil {
			return tasks.Outcome{}, err
		}
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	o, err := p.Wait(waiting, r.ID)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return p.Outcome(ctx, r.ID)
	}
	return o, err
}

// refresh opens a new round for an upload whose outcome does not serve any more: its media is about to expire, a new try
// may mend its failure, or its source may hold other bytes by now, which the round finds out.
func (s *Server) refresh(ctx context.Context, p *enqueue.Producer, id uuid.UUID, checksum bool) error {
	o, err := p.Outcome(ctx, id)
	if err != nil || !o.State.Final() {
		return err
	}
	serves := o.State == tasks.Succeeded && o.ExpiresAt.Sub(s.cfg.Now()) >= s.cfg.Fresh || o.State != tasks.Succeeded && !o.Code.Mendable()
	if serves = serves && !checksum; serves {
		serves, err = s.unchanged(ctx, o)
	}
	if err != nil || serves {
		return err
	}
	if err := p.Retry(ctx, id, true); tasks.CodeOf(err) != tasks.Conflict { // else somebody else did
		return err
	}
	return nil
}

func (s *Server) forget(ctx context.Context, in *forgetInput) (*struct{}, error) {
	who := caller(ctx)
	return nil, s.cfg.Ledger.Forget(ctx, in.ID, who.Accounts, who.Sees())
}
