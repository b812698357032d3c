package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// dropIn adds the endpoint that looks like WeChat's own, for programs that only let their base URL be changed.
func (s *Server) dropIn(mux *http.ServeMux) {
	mux.HandleFunc("GET /cgi-bin/token", s.wxTokenByQuery)
	mux.HandleFunc("POST /cgi-bin/stable_token", s.wxTokenByBody)
	mux.HandleFunc("POST /cgi-bin/media/upload", s.wxUpload)
	mux.HandleFunc("GET /cgi-bin/media/get", s.wxDownload)
	mux.HandleFunc("GET /cgi-bin/media/get/jssdk", s.wxDownload)
	mux.HandleFunc("/cgi-bin/", s.wxPass)
}

func (s *Server) wxTokenByQuery(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.wxToken(w, r, q.Get("grant_type"), q.Get("appid"), tasks.Secret(q.Get("secret")))
}

func (s *Server) wxTokenByBody(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Grant  string       `json:"grant_type"`
		AppID  string       `json:"appid"`
		Secret tasks.Secret `json:"secret"`
	}
	const most = 4 << 10
	if err := json.NewDecoder(io.LimitReader(r.Body, most)).Decode(&in); err != nil || s.bodyRead(w) != nil {
		s.wxFail(w, r, wxRefusal{errcode: wxGrant})
		return
	}
	s.wxToken(w, r, in.Grant, in.AppID, in.Secret)
}

// wxToken answers with a token of ours for a producer's name and key.
func (s *Server) wxToken(w http.ResponseWriter, r *http.Request, grant, name string, secret tasks.Secret) {
	if grant != "client_credential" {
		s.wxFail(w, r, wxRefusal{errcode: wxGrant})
		return
	}
	k, err := s.guard.Check(address(r), func() (tasks.Key, bool, error) {
		k, ok, err := s.cfg.Keys.Find(r.Context(), secret)
		return k, ok && k.Name == name, err
	})
	if err != nil {
		s.note(r.Context(), err)
		switch tasks.CodeOf(err) {
		case tasks.Unauthorized:
			s.wxFail(w, r, wxRefusal{errcode: wxSecret})
		case tasks.TooMany:
			s.wxFail(w, r, wxRefusal{errcode: wxMinute})
		default:
			s.wxFail(w, r, wxRefusal{errcode: wxBusy})
		}
		return
	}
	named(r, k.Name)
	wxWrite(w, struct {
		Token   string `json:"access_token"`
		Expires int    `json:"expires_in"`
	}{newToken(s.cfg.TokenKeys[0], k, s.cfg.Now()), int(tokenLife.Seconds())})
}

// wxUpload takes a file as WeChat does, and answers with its outcome.
func (s *Server) wxUpload(w http.ResponseWriter, r *http.Request) {
	who, errcode := s.wxCaller(r)
	if errcode != 0 {
		s.wxFail(w, r, wxRefusal{errcode: errcode})
		return
	}
	named(r, who.Name)
	kind, err := tasks.ParseMediaType(r.URL.Query().Get("type"))
	if err != nil {
		s.wxFail(w, r, wxRefusal{errcode: wxType})
		return
	}
	stored, err := Stored{}, s.Producer(who).Ready()
	if err == nil {
		stored, err = s.wxFile(w, r, who)
	}
	if err != nil {
		s.wxRefuse(w, r, err, kind)
		return
	}
	u := tasks.Upload{Account: s.wxAccount(who), Type: kind, Source: stored.Source, Filename: stored.Filename}
	o, err := s.Producer(who).AskMedia(r.Context(), enqueue.MediaRequest{Upload: u}, s.cfg.Wait)
	switch {
	case err != nil:
		s.wxUnused(r.Context(), stored)
		s.wxRefuse(w, r, err, kind)
	case o.State == tasks.Succeeded:
		wxWrite(w, wxSuccess(o.Outcome))
	case o.State.Final():
		s.note(r.Context(), tasks.Textf("upload %s %s: %s (%s, rid %q)", o.ID, o.State, o.Reason, o.Code, o.RID))
		s.wxFail(w, r, wxRefusal{wxFailure(o.Code, o.Errcode, kind), o.RID, o.Reason})
	default: // it goes on by itself, and a second try is answered from what the first one uploads
		s.note(r.Context(), tasks.Textf("upload %s has no outcome yet: it is %s %s %s", o.ID, o.State, o.Code, o.Reason))
		s.wxFail(w, r, wxRefusal{wxBusy, o.RID, o.Reason})
	}
}

// wxUnused removes a file whose submission was refused. Its sender has to send it again anyway.
func (s *Server) wxUnused(ctx context.Context, f Stored) {
	use, err := s.cfg.Ledger.InboxUse(context.WithoutCancel(ctx), f.Source)
	if err == nil && use.Uploads == 0 {
		s.drop(ctx, f)
	}
}

// wxCaller returns the caller that the token was given to, or the errcode that refuses the token.
func (s *Server) wxCaller(r *http.Request) (enqueue.Caller, int) {
	token := r.URL.Query().Get("access_token")
	if token == "" {
		return enqueue.Caller{}, wxNoToken
	}
	var fault tokenFault
	k, err := s.guard.Check(address(r), func() (k tasks.Key, ok bool, err error) {
		k, fault, err = readToken(r.Context(), s.cfg.Keys, s.cfg.TokenKeys, token, s.cfg.Now())
		return k, fault != tokenForeign, err
	})
	switch {
	case tasks.CodeOf(err) == tasks.Unauthorized:
		s.note(r.Context(), err)
		return enqueue.Caller{}, wxToken
	case err != nil:
		s.note(r.Context(), err)
		return enqueue.Caller{}, wxFailure(tasks.CodeOf(err), 0, "")
	case fault == tokenExpired:
		return enqueue.Caller{}, wxTokenExpired
	}
	who := enqueue.CallerOf(k)
	if !enqueue.AccessSubmit.Admits(who.Role) {
		return who, wxUnauthorized
	}
	return who, 0
}

// wxAccount is the account of uploads that can't name one: default, or else the first that the key may use.
func (s *Server) wxAccount(who enqueue.Caller) string {
	if who.MayUse(enqueue.DefaultAccount) {
		return enqueue.DefaultAccount
	}
	return who.Accounts[0]
}

var errNoMedia = tasks.Textf("the form has no file called media")

// wxFile takes the part called media into the inbox.
func (s *Server) wxFile(w http.ResponseWriter, r *http.Request, who enqueue.Caller) (Stored, error) {
	var stored Stored
	found := false
	err := s.eachFile(w, r, maxFile, func(part *multipart.Part) error {
		if part.FormName() != "media" || found {
			return nil
		}
		found = true
		var err error
		stored, err = s.cfg.Inbox.Store(who.Name, part.FileName(), part, maxFile)
		return err
	})
	if err == nil && !found {
		err = errNoMedia
	}
	return stored, err
}

func (s *Server) wxRefuse(w http.ResponseWriter, r *http.Request, err error, kind tasks.MediaType) {
	s.note(r.Context(), err)
	e := tasks.AsError(err)
	var p *Problem
	switch {
	case errors.Is(err, errNoMedia), e.Code == tasks.Invalid:
		s.wxFail(w, r, wxRefusal{errcode: wxNoMedia})
	case errors.As(err, &p) && p.Status == http.StatusRequestEntityTooLarge:
		s.wxFail(w, r, wxRefusal{errcode: wxFailure(tasks.TooLarge, 0, kind)})
	case errors.As(err, &p):
		s.wxFail(w, r, wxRefusal{errcode: wxNoMedia})
	case e.Code == tasks.TooMany:
		s.wxFail(w, r, wxRefusal{errcode: wxLimit(e)})
	default:
		s.wxFail(w, r, wxRefusal{wxFailure(e.Code, e.Errcode, kind), e.RID, problemOf(err).Detail})
	}
}
