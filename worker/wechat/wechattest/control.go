package wechattest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// controlPrefix is where the sandbox itself is controlled. WeChat has no such path.
const controlPrefix = "/_sandbox/"

const controlHelp = `This is a sandbox of WeChat. It is controlled from this machine only:

POST   /_sandbox/faults    {"kind":"errcode","errcode":-1,"path":"media/upload","times":2}, or a list of such
                           "share":0.05 makes it random; "delay":"2s" makes it slow
GET    /_sandbox/faults    how many scripted answers are still to come
DELETE /_sandbox/faults    forget them all, random ones too
POST   /_sandbox/clock     {"advance":"72h"}; GET says what time it is
POST   /_sandbox/revoke    {"appid":"…"}: ends the account's access tokens; without appid those of all
POST   /_sandbox/secret    {"appid":"…","secret":"…"}: changes the account's secret
GET    /_sandbox/journal   every call, one JSON line each; ?path=media/upload only those
GET    /_sandbox/media     the media that live, one JSON line each
GET    /_sandbox/media/ID  the bytes of one
POST   /_sandbox/reset     forget tokens, media, quotas, faults and the journal
`

// controls answers /_sandbox/: see controlHelp.
func (s *Sandbox) controls() *http.ServeMux {
	m := http.NewServeMux()
	handle := func(pattern string, h func(http.ResponseWriter, *http.Request) error) {
		method, path, _ := strings.Cut(pattern, " ")
		m.HandleFunc(method+" "+controlPrefix+path, func(w http.ResponseWriter, r *http.Request) {
			if err := fromHere(r); err != nil {
				sayError(w, http.StatusForbidden, err)
			} else if err := h(w, r); err != nil {
				sayError(w, http.StatusBadRequest, err)
			}
		})
	}
	handle("GET {$}", func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, err := io.WriteString(w, controlHelp)
		return err
	})
	handle("POST faults", s.controlFaults)
	handle("GET faults", func(w http.ResponseWriter, _ *http.Request) error {
		return say(w, map[string]int{"pending": s.Pending()})
	})
	handle("DELETE faults", func(w http.ResponseWriter, _ *http.Request) error {
		s.faults.clear()
		return say(w, struct{}{})
	})
	handle("POST clock", s.controlClock)
	handle("GET clock", func(w http.ResponseWriter, _ *http.Request) error {
		return say(w, map[string]time.Time{"now": s.Now()})
	})
	handle("POST revoke", s.controlRevoke)
	handle("POST secret", s.controlSecret)
	handle("GET journal", s.controlJournal)
	handle("GET media", s.controlMedia)
	handle("GET media/{id}", s.controlBytes)
	handle("POST reset", func(w http.ResponseWriter, _ *http.Request) error {
		s.Reset()
		return say(w, struct{}{})
	})
	return m
}

// fromHere refuses callers from other machines, and web pages that a browser on this one has open.
func fromHere(r *http.Request) error {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return errors.New("the sandbox is controlled from its own machine only")
	}
	if r.Header.Get("Origin") != "" {
		return errors.New("the sandbox is not controlled by web pages")
	}
	return nil
}

func say(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

func sayError(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // a caller that has gone away needs no answer
}

// maxControl bounds the body of a control call: about ten thousand faults.
const maxControl = 1 << 20

// hear decodes the body strictly: a misspelt key would else be a fault that never comes.
func hear(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxControl))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("read the JSON: %w", err)
	}
	return nil
}
