package wechattest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// WeChat's errcodes that the sandbox gives of itself. A Fault can give any other.
const (
	badSecret       = 40001 // on a token call; on others the token is wrong, retired or another account's
	badToken        = 40001
	badGrantType    = 40002
	badType         = 40004
	badExtension    = 40005
	badFileSize     = 40006
	badMediaID      = 40007
	badMessageType  = 40008
	badImageSize    = 40009
	badVoiceSize    = 40010
	badVideoSize    = 40011
	badThumbSize    = 40012
	badAppID        = 40013
	malformedToken  = 40014
	invalidURL      = 40066
	unsupportedFile = 40113
	badImageFormat  = 40137
	missingToken    = 41001
	missingAppID    = 41002
	missingSecret   = 41004
	missingMedia    = 41005
	missingMediaID  = 41006
	expiredToken    = 42001
	requireGet      = 43001
	requirePost     = 43002
	emptyMedia      = 44001
	bodyTooLarge    = 45001
	voiceTooLong    = 45007
	dailyLimit      = 45009
	minuteLimit     = 45011
	badJSON         = 47001
	clearsUsedUp    = 48006
	unknownCGIPath  = 76021
)

var errmsgs = map[int]string{
	-1:              "system error",
	badToken:        "invalid credential, access_token is invalid or not latest",
	badGrantType:    "invalid grant_type",
	badType:         "invalid media type",
	badExtension:    "invalid file type",
	badFileSize:     "invalid media size",
	badMediaID:      "invalid media_id",
	badMessageType:  "invalid message type",
	badImageSize:    "invalid image size",
	badVoiceSize:    "invalid voice size",
	badVideoSize:    "invalid video size",
	badThumbSize:    "invalid thumb size",
	badAppID:        "invalid appid",
	malformedToken:  "invalid access_token",
	invalidURL:      "invalid url",
	unsupportedFile: "unsupported file type",
	badImageFormat:  "invalid image format",
	missingToken:    "access_token missing",
	missingAppID:    "appid missing",
	missingSecret:   "appsecret missing",
	missingMedia:    "media data missing",
	missingMediaID:  "media_id missing",
	expiredToken:    "access_token expired",
	requireGet:      "require GET method",
	requirePost:     "require POST method",
	emptyMedia:      "empty media data",
	bodyTooLarge:    "media size out of limit",
	voiceTooLong:    "media play time out of limit",
	dailyLimit:      "reach max api daily quota limit",
	minuteLimit:     "api minute-quota reach limit, must slower, retry next minute",
	badJSON:         "data format error",
	clearsUsedUp:    "forbid to clear quota because of reaching the limit",
	unknownCGIPath:  "cgi_path not found, please check",
}

// answer is what goes back over the wire.
type answer struct {
	status      int // 0: none, the connection is reset
	contentType string
	disposition string
	body        []byte
}

// jsonType is what WeChat calls its JSON.
const jsonType = "text/plain"

// ok answers with v as JSON.
func ok(v any) answer {
	b, err := json.Marshal(v)
	if err != nil {
		return answer{status: http.StatusInternalServerError}
	}
	return answer{status: http.StatusOK, contentType: jsonType, body: b}
}

// refuse answers with an errcode; hint says to the client's author what was wrong.
func (s *Sandbox) refuse(c *call, errcode int, hint string) answer {
	msg := errmsgs[errcode]
	if msg == "" {
		msg = "sandbox fault"
	}
	return s.refuseAs(c, errcode, msg, hint)
}

func (s *Sandbox) refuseAs(c *call, errcode int, msg, hint string) answer {
	c.Errcode, c.Reason = errcode, hint
	if hint != "" {
		msg += fmt.Sprintf(" hints: [ %s ]", hint)
	}
	return ok(struct {
		Errcode int    `json:"errcode"`
		Errmsg  string `json:"errmsg"`
	}{errcode, msg + " rid: " + s.dice.rid(c.now)})
}

func (a answer) write(w http.ResponseWriter) {
	if a.status == 0 {
		reset(w)
		return
	}
	h := w.Header()
	if a.contentType != "" {
		h["Content-Type"] = []string{a.contentType}
	} else {
		h["Content-Type"] = nil // no guessing
	}
	if a.disposition != "" {
		h["Content-Disposition"] = []string{a.disposition}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that has gone away needs no answer
}

// reset ends the connection so that the client sees "connection reset by peer".
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // net/http's way to end a connection that can't be taken over, as of HTTP/2
	}
	inner := conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		inner = t.NetConn()
	}
	if t, ok := inner.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // closing sends RST
	}
	_ = inner.Close()
}

// wait lets d pass, and reports false if the client went away meanwhile.
func wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(r.Context(), d)
	defer cancel()
	<-ctx.Done()
	return r.Context().Err() == nil
}
