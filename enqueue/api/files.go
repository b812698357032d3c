package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// Bounds of one request with files.
const (
	maxFile  = 10 << 20
	maxFiles = 100
)

// opSendFiles reads its body by itself, as opSubmitBatch does.
const opSendFiles = "send-files"

// FilesAnswer lists the files that were taken, in their order.
type FilesAnswer struct {
	Files []Stored `json:"files" nullable:"false"`
}

type filesInput struct{ ctx huma.Context }

// Resolve keeps the request, since its body is read part by part.
func (in *filesInput) Resolve(ctx huma.Context) []error {
	in.ctx = ctx
	return nil
}

type filesOutput struct{ Body FilesAnswer }

func (s *Server) fileRoutes() {
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: opSendFiles, Method: http.MethodPost, Path: "/v1/files", DefaultStatus: http.StatusCreated, Tags: []string{"files"},
		Summary: "Send the files themselves",
		Description: "For producers that share no storage with the workers: a form with files of at most 10 MiB each, 100 in all. Submit each as the " +
			"source that the answer gives it, within a day. A file is removed after its outcome, a day later where it failed. A producer's " +
			"files that wait have a limit in all (1 GiB, if the operator set no other): beyond it the answer is 429 until outcomes make room.",
	}, s.files)
	file := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	s.api.OpenAPI().Paths["/v1/files"].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data": {Schema: &huma.Schema{
			Type: huma.TypeObject, Properties: map[string]*huma.Schema{"file": {Type: huma.TypeArray, Items: file}}, AdditionalProperties: true,
			Description: "Parts of any name that have a filename",
		}},
	}}
}

func (s *Server) files(ctx context.Context, in *filesInput) (*filesOutput, error) {
	r, w := humago.Unwrap(in.ctx)
	answer := FilesAnswer{Files: []Stored{}}
	if err := s.Producer(caller(ctx)).Ready(); err != nil {
		return nil, err
	}
	err := s.eachFile(w, r, maxFiles*maxFile, func(part *multipart.Part) error {
		if len(answer.Files) == maxFiles {
			return invalid("take files", "body: has over %d files", maxFiles)
		}
		stored, err := s.cfg.Inbox.Store(caller(ctx).Name, part.FileName(), part, maxFile)
		if err == nil {
			answer.Files = append(answer.Files, stored)
		}
		return err
	})
	if err == nil && len(answer.Files) == 0 {
		err = invalid("take files", "body: has no part with a filename")
	}
	if err != nil { // the sender won't know what was stored before
		for _, stored := range answer.Files {
			s.drop(ctx, stored)
		}
		return nil, err
	}
	return &filesOutput{answer}, nil
}

// drop removes a file that will not be submitted. If that fails, CleanUp removes it a day later.
func (s *Server) drop(ctx context.Context, f Stored) {
	if err := s.cfg.Inbox.Drop(f); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "can't remove a file from the inbox", slog.String("request_id", requestID(ctx)), slog.Any("error", err))
	}
}

var errNoInbox = &tasks.Error{Code: tasks.Unavailable, Op: "take files", Err: tasks.Textf("this server takes no files")}

// formRoom is the number of bytes that a form may have in addition to its files.
const formRoom = 1 << 20

// eachFile calls take for each part of the form that is a file. limit bounds the bytes of all files.
func (s *Server) eachFile(w http.ResponseWriter, r *http.Request, limit int64, take func(*multipart.Part) error) error {
	if s.cfg.Inbox == nil {
		return errNoInbox
	}
	r.Body = io.NopCloser(&bodyStream{Reader: http.MaxBytesReader(w, r.Body, limit+formRoom), rc: http.NewResponseController(w)})
	defer s.bodyRead(w) //nolint:errcheck // a connection that is gone shows when it is written to
	form, err := r.MultipartReader()
	if err != nil {
		return invalid("take files", "body: %s", strings.TrimPrefix(err.Error(), "http: "))
	}
	for {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return malformed(err)
		}
		if part.FileName() == "" {
			continue
		}
		if err := take(part); err != nil {
			return err
		}
	}
}

// malformed returns the answer to a form that can't be read: its connection broke off, or it is not a form at all.
func malformed(err error) error {
	var slow net.Error
	var large *http.MaxBytesError
	if errors.As(err, &slow) || errors.As(err, &large) || errors.Is(err, io.ErrUnexpectedEOF) {
		return unread(err)
	}
	return invalid("take files", "body: %s", strings.TrimPrefix(err.Error(), "multipart: "))
}
