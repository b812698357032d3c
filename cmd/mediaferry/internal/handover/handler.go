package handover

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/seal"
)

// Files are the files of one inbox.
type Files interface {
	// ID names the inbox.
	ID() string
	// Open opens a file of the inbox. It returns Missing where it has none of that name.
	Open(ctx context.Context, source string) (tasks.File, error)
}

const (
	// atOnce bounds the files that are handed out at once: those beyond wait for their turn.
	atOnce = 64
	// writeTime bounds the answer with a file, which has 10 MiB at most.
	writeTime = 2 * time.Minute
)

// Handler hands out the files of an inbox to processes with the same key.
type Handler struct {
	files  Files
	signer *seal.Signer
	log    *slog.Logger
	turns  chan struct{}
}

// NewHandler returns the handler of Path.
func NewHandler(files Files, s *seal.Signer, log *slog.Logger) *Handler {
	return &Handler{files, s, log, make(chan struct{}, atOnce)}
}

// ServeHTTP answers 200 with the file, 204 to who asks for the inbox alone, 404 where it has no such file, 421 where it is
// another inbox, 503 where the file can't be read now, and 403, unsigned, to strangers.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !requestSigned(r, h.signer) {
		http.Error(w, "the signature is not one of this installation's token_key", http.StatusForbidden)
		return
	}
	source := r.URL.Query().Get(querySource)
	inbox := r.URL.Query().Get(queryInbox)
	src, err := tasks.ParseSource(source)
	if err == nil {
		inbox = src.Inbox
	}
	switch {
	case inbox != h.files.ID():
		h.answer(w, r, http.StatusMisdirectedRequest, 0)
	case source == "":
		h.answer(w, r, http.StatusNoContent, 0)
	default:
		h.file(w, r, source)
	}
}

func (h *Handler) file(w http.ResponseWriter, r *http.Request, source string) {
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-r.Context().Done():
		return
	}
	f, err := h.files.Open(r.Context(), source)
	switch {
	case tasks.CodeOf(err) == tasks.Missing:
		h.answer(w, r, http.StatusNotFound, 0)
		return
	case err != nil:
		h.log.Warn("can't hand out a file of the inbox", "error", err)
		h.answer(w, r, http.StatusServiceUnavailable, 0)
		return
	}
	defer f.Close()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime)) // a recorder in a test has none
	h.answer(w, r, http.StatusOK, f.Size)
	_, _ = io.CopyN(w, f, f.Size) // an answer that breaks off is too short, which the worker sees
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, status int, size int64) {
	signAnswer(w.Header(), r, h.signer, status, size)
	w.Header().Set("Content-Type", "application/octet-stream")
	if status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
	w.WriteHeader(status)
}
