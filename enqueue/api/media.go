package api

import (
	"context"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// MediaRequest asks for a media_id now.
type MediaRequest struct {
	UploadRequest
	Checksum bool `json:"checksum,omitempty" doc:"Read the source again, also where it looks as it did when it was uploaded"`
	Wait     *int `json:"wait,omitempty" minimum:"0" maximum:"600" doc:"Seconds to wait for the outcome; missing: the server's own limit, which is the most"`
}

type mediaInput struct {
	IfNoneMatch string `header:"If-None-Match" doc:"An ETag of an earlier answer: 304 says that its media_id still is the one"`
	Body        MediaRequest
}

type mediaOutput struct {
	Status       int
	CacheControl string `header:"Cache-Control"`
	ETag         string `header:"ETag"`
	Body         MediaAnswer
}

// MediaAnswer is the outcome of the upload that has the media.
type MediaAnswer struct {
	tasks.Outcome
	Note string `json:"note,omitempty" doc:"Why this process could not look at the source, so that a worker had to read it"`
}

type forgetInput struct {
	ID string `path:"media_id" maxLength:"255" doc:"The media_id as WeChat gave it"`
}

func (s *Server) mediaRoutes() {
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "get-media", Method: http.MethodPost, Path: "/v1/media", Tags: []string{"media"},
		Summary: "A live media_id for this source, now",
		Description: "Answers with a media that is known and lives long enough, or uploads with interactive priority and waits. 200 has the outcome, " +
			"which may be a failure; 202 says that it is not there yet: ask again later, or for the upload. A source that was read before is looked at: " +
			"unless size, mtime, ctime and inode (of an object size and ETag, at most once a minute) are as they were, a new round reads it. " +
			"All who ask for the same thing share one upload; with an external_id or no_reuse it is one of your own. " +
			"Cache-Control and expires_at say for how long the answer is good, as far as the source stays as it is.",
		Responses: map[string]*huma.Response{
			"202": {Description: "There is no outcome yet", Content: map[string]*huma.MediaType{jsonType: {Schema: &huma.Schema{Ref: "#/components/schemas/MediaAnswer"}}}},
			"304": {Description: "The media_id of If-None-Match still is the one"},
		},
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
	a, err := s.Producer(caller(ctx)).AskMedia(ctx, enqueue.MediaRequest{Upload: u, Checksum: in.Body.Checksum}, wait)
	if err != nil {
		return nil, err
	}
	out := &mediaOutput{Status: http.StatusOK, CacheControl: "no-store", Body: MediaAnswer{Outcome: a.Outcome}}
	if a.Unseen != nil {
		out.Body.Note = unseenNote(a.Unseen)
	}
	switch {
	case !a.State.Final():
		out.Status = http.StatusAccepted
	case a.State == tasks.Succeeded:
		out.ETag = mediaTag(a.MediaID)
		out.CacheControl = "private, max-age=" + strconv.FormatInt(int64(max(0, a.ExpiresAt.Sub(s.cfg.Now())-s.cfg.Fresh)/time.Second), 10)
		if matches(in.IfNoneMatch, out.ETag) {
			out.Status = http.StatusNotModified
		}
	}
	return out, nil
}

// unseenNote says why the answer took a worker.
func unseenNote(unseen error) string {
	e := tasks.AsError(unseen)
	note := "the source can't be looked at from here, so that a worker reads it each time: " + e.Error()
	if hint := e.Advice(); hint != "" {
		note += ": " + hint
	}
	return note
}

// mediaTag is the ETag of all answers that have a media_id. It is weak, since the rest of them may differ.
func mediaTag(mediaID string) string {
	h := tasks.HashOf([]byte(mediaID))
	return `W/"` + hex.EncodeToString(h[:tagBytes]) + `"`
}

// tagBytes is enough to tell two media_ids apart.
const tagBytes = 16

// matches reports whether an If-None-Match names a weak ETag.
func matches(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

func (s *Server) forget(ctx context.Context, in *forgetInput) (*struct{}, error) {
	who := caller(ctx)
	return nil, s.cfg.Ledger.Forget(ctx, in.ID, who.Accounts, who.Sees())
}
