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

// mediaID is a media_id in a path.
type mediaID struct {
	ID string `path:"media_id" maxLength:"255" pattern:"^[!-~]+$" doc:"The media_id as WeChat gave it"`
}

type renewInput struct {
	ID   string `path:"media_id" maxLength:"255" pattern:"^[!-~]+$" doc:"The media_id as WeChat gave it"`
	Wait int    `query:"wait" minimum:"0" maximum:"600" default:"600" doc:"Seconds to wait for the new media_id; the server's own limit is the most"`
}

type renewOutput struct {
	Status int
	Body   tasks.Outcome
}

// InvalidMedia says what follows from a report.
type InvalidMedia struct {
	Renewing bool `json:"renewing" doc:"true: it is kept alive, and uploaded again now; false: the next one who asks for its source uploads it"`
}

type invalidOutput struct{ Body InvalidMedia }

// MediaPage is one page of live media.
type MediaPage struct {
	Media []tasks.KnownMedia `json:"media" nullable:"false"`
	Next  string             `json:"next,omitempty" doc:"The cursor of the next page; missing after the last one"`
}

type mediaListInput struct {
	Account  string `query:"account" maxLength:"64" doc:"Media of this account"`
	Producer string `query:"producer" maxLength:"64" doc:"Media that were issued, or are kept alive, for uploads of this producer; a producer sees its own anyway"`
	Type     string `query:"type" enum:"image,voice,video,thumb" doc:"Media of this type"`
	Query    string `query:"q" maxLength:"1024" doc:"A media_id, a SHA-256, or a part of the source or filename"`
	Kept     bool   `query:"kept" doc:"true: only media that are kept alive"`
	Unkept   bool   `query:"unkept" doc:"true: only media that are left to expire"`
	Within   int    `query:"within" minimum:"0" maximum:"2592000" doc:"Media that expire within so many seconds; 0: all"`
	Cursor   string `query:"cursor" maxLength:"2048" doc:"next of the last page"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type mediaListOutput struct{ Body MediaPage }

type knownOutput struct{ Body tasks.KnownMedia }

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
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "list-media", Method: http.MethodGet, Path: "/v1/media", Tags: []string{"media"},
		Summary:     "The live media, by account, those that expire first before the others",
		Description: "Where few of many match, a page is short, or empty, though others follow.",
	}, s.listMedia)
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "show-media", Method: http.MethodGet, Path: "/v1/media/{media_id}", Tags: []string{"media"},
		Summary: "One live media",
		Description: "Those are shown it whose uploads are answered with it. The upload that it came from is told to its own producer, and to operators and viewers. " +
			"404: it has expired, was renewed or forgotten, or was never issued here.",
	}, s.showMedia)
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "renew-media", Method: http.MethodPost, Path: "/v1/media/{media_id}/renew", Tags: []string{"media"},
		Summary: "Upload the content of a media again, now",
		Description: "Costs one call, ahead of the bulk. 200 has the outcome of the upload that renews it, with the new media_id; 202 says that it is not there yet. " +
			"The old media_id lives until its own end. The file must hold the same content still: code content_changed says that it does not.",
		Responses: map[string]*huma.Response{"202": {Description: "There is no outcome yet", Content: map[string]*huma.MediaType{
			jsonType: {Schema: &huma.Schema{Ref: "#/components/schemas/Outcome"}},
		}}},
	}, s.renewMedia)
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "invalid-media", Method: http.MethodPost, Path: "/v1/media/{media_id}/invalid", Tags: []string{"media"},
		Summary: "WeChat answered errcode 40007 for this media_id: it does not know it any more",
		Description: "No upload is answered with it again. Where it is kept alive it is uploaded again now, and media.renewed tells the new one; " +
			"otherwise ask for the source again. 404: it is known no more, as when it was reported before.",
	}, s.invalidMedia)
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

func (s *Server) forget(ctx context.Context, in *mediaID) (*struct{}, error) {
	who := caller(ctx)
	return nil, s.cfg.Ledger.Forget(ctx, in.ID, who.Accounts, who.Sees())
}

func (s *Server) listMedia(ctx context.Context, in *mediaListInput) (*mediaListOutput, error) {
	who := caller(ctx)
	f := tasks.MediaFilter{
		Account: in.Account, Accounts: who.Accounts, Producer: in.Producer, Type: tasks.MediaType(in.Type), Query: in.Query, Kept: in.Kept, Unkept: in.Unkept,
		Within: time.Duration(in.Within) * time.Second, Cursor: in.Cursor, Limit: in.Limit,
	}
	if own := who.Sees(); own != "" {
		f.Producer = own
	}
	page, next, err := s.cfg.Ledger.LiveMedia(ctx, f)
	if err != nil {
		return nil, err
	}
	return &mediaListOutput{MediaPage{orEmpty(page), next}}, nil
}

func (s *Server) showMedia(ctx context.Context, in *mediaID) (*knownOutput, error) {
	who := caller(ctx)
	m, err := s.cfg.Ledger.KnownMedia(ctx, in.ID, who.Accounts, who.Sees())
	return &knownOutput{who.Media(m)}, err
}

func (s *Server) renewMedia(ctx context.Context, in *renewInput) (*renewOutput, error) {
	who := caller(ctx)
	if err := s.Producer(who).Charge(ctx); err != nil {
		return nil, err
	}
	id, err := s.cfg.Ledger.RenewMedia(ctx, in.ID, who.Accounts, who.Sees())
	if err != nil {
		return nil, err
	}
	s.nudge()
	waiting, cancel := context.WithTimeout(ctx, min(s.cfg.Wait, time.Duration(in.Wait)*time.Second))
	defer cancel()
	o, err := s.live.Await(waiting, id)
	if err != nil {
		return nil, err
	}
	if !who.Staff() { // the file may be another producer's
		o.Source, o.Filename = "", ""
	}
	if !o.State.Final() {
		return &renewOutput{http.StatusAccepted, o}, nil
	}
	return &renewOutput{http.StatusOK, o}, nil
}

func (s *Server) invalidMedia(ctx context.Context, in *mediaID) (*invalidOutput, error) {
	who := caller(ctx)
	if err := s.Producer(who).TakeRate(); err != nil {
		return nil, err
	}
	renewing, err := s.cfg.Ledger.Invalid(ctx, in.ID, who.Accounts, who.Sees())
	if err != nil {
		return nil, err
	}
	if renewing {
		s.nudge()
	}
	return &invalidOutput{InvalidMedia{renewing}}, nil
}
