package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// WeChat makes another program's call in the name of an account. *wechat.Client is one.
type WeChat interface {
	Relay(ctx context.Context, account string, r *http.Request) (*http.Response, error)
}

// maxRelays bounds the calls of one key that are passed on at once.
const maxRelays = 8

// wxPass passes a call on to WeChat if its path is granted.
func (s *Server) wxPass(w http.ResponseWriter, r *http.Request) {
	who, ok := s.wxAdmit(w, r)
	if !ok {
		return
	}
	path := wxPath(r)
	if !s.passes(path) {
		s.wxFail(w, r, wxRefusal{errcode: wxUnauthorized, why: fmt.Sprintf(
			"mediaferry does not pass %s on to WeChat; its operator may grant it by the setting passthrough: [%s]", path, path)})
		return
	}
	s.relay(w, r, who, s.wxAccount(who))
}

// wxDownload answers with what WeChat has of a media that the caller's uploads are answered with.
func (s *Server) wxDownload(w http.ResponseWriter, r *http.Request) {
	who, ok := s.wxAdmit(w, r)
	if !ok {
		return
	}
	id := r.URL.Query().Get("media_id")
	if id == "" {
		s.wxFail(w, r, wxRefusal{errcode: wxNoMediaID})
		return
	}
	account, err := s.cfg.Ledger.MediaAccount(r.Context(), id, who.Accounts, who.Sees())
	switch path := wxPath(r); {
	case err == nil:
		s.relay(w, r, who, account)
	case tasks.CodeOf(err) != tasks.NotFound:
		s.wxRelayed(w, r, err)
	case s.passes(path):
		s.relay(w, r, who, s.wxAccount(who))
	default:
		s.wxFail(w, r, wxRefusal{errcode: wxMediaID, why: fmt.Sprintf(
			"mediaferry uploaded no such media for this key; media of others need the setting passthrough: [%s]", path)})
	}
}

// wxAdmit returns the caller that the token was given to, or answers that it was given to nobody.
func (s *Server) wxAdmit(w http.ResponseWriter, r *http.Request) (enqueue.Caller, bool) {
	who, errcode := s.wxCaller(r)
	if errcode != 0 {
		s.wxFail(w, r, wxRefusal{errcode: errcode})
		return who, false
	}
	named(r, who.Name)
	return who, true
}

// wxPath is what follows /cgi-bin/ in a request's path, as the setting has it.
func wxPath(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, "/cgi-bin/") }

func (s *Server) passes(path string) bool { return slices.Contains(s.cfg.Passthrough, path) }

var errNoWeChat = tasks.Textf("this process makes no calls of WeChat")

// relay passes a call on, and its answer back.
func (s *Server) relay(w http.ResponseWriter, r *http.Request, who enqueue.Caller, account string) {
	if t := trace(r.Context()); t != nil {
		t.account = account
	}
	leave, ok := s.bodies.Enter("relay "+who.Name, maxRelays)
	if !ok {
		s.wxFail(w, r, wxRefusal{errcode: wxMinute, why: fmt.Sprintf("%d calls of this key are being passed on", maxRelays)})
		return
	}
	defer leave()
	res, err := s.ask(w, r, account)
	if err != nil {
		s.wxRelayed(w, r, err)
		return
	}
	defer res.Body.Close()
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	if res.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(res.ContentLength, 10))
	}
	w.WriteHeader(res.StatusCode)
	if _, err := io.Copy(&answerStream{w, http.NewResponseController(w)}, res.Body); err != nil {
		s.note(r.Context(), err)
		panic(http.ErrAbortHandler) // else the half would look like a whole
	}
}

// ask makes the call, unless the account is held.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, account string) (*http.Response, error) {
	if s.cfg.WeChat == nil {
		return nil, &tasks.Error{Code: tasks.NoWork, Op: "pass on to WeChat", Err: errNoWeChat}
	}
	if err := s.held(r.Context(), account); err != nil {
		return nil, err
	}
	out := *r
	out.Body = &passedBody{bodyStream{r.Body, http.NewResponseController(w)}, func() { _ = s.bodyRead(w) }}
	res, err := s.cfg.WeChat.Relay(r.Context(), account, &out)
	if gone := s.bodyRead(w); err == nil && gone != nil {
		res.Body.Close()
		return nil, gone
	}
	return res, err
}

// held returns why an account is held until an operator mends it. A limit of uploads does not hold up other calls.
func (s *Server) held(ctx context.Context, account string) error {
	all, err := s.cfg.Ledger.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range all {
		if h := a.Hold; a.Name == account && h != nil && h.Code == tasks.AccountHeld && h.Ramp == 0 {
			return &tasks.Error{Code: h.Code, Op: "pass on to WeChat", Errcode: h.Errcode, RID: h.RID, Err: tasks.Textf("account %s is held: %s", account, h.Reason)}
		}
	}
	return nil
}

// passedBody is a body that is passed on. It may take any time as long as bytes keep coming.
type passedBody struct {
	bodyStream
	ended func()
}

func (b *passedBody) Read(p []byte) (int, error) {
	n, err := b.bodyStream.Read(p)
	if errors.Is(err, io.EOF) {
		b.ended()
	}
	return n, err
}

// Close leaves the body to net/http, which reads what is left of it.
func (b *passedBody) Close() error { return nil }

// wxRelayed answers that a call could not be passed on. It never says that a token was refused: the caller would take it for
// its own.
func (s *Server) wxRelayed(w http.ResponseWriter, r *http.Request, err error) {
	s.note(r.Context(), err)
	e := tasks.AsError(err)
	f := wxRefusal{wxBusy, e.RID, problemOf(err).Detail}
	switch e.Code {
	case tasks.NoWork:
		f.errcode = wxUnauthorized
	case tasks.TooLarge:
		f.errcode = wxTooLarge
	case tasks.Invalid:
		f.errcode = wxBadBody
	}
	s.wxFail(w, r, f)
}
