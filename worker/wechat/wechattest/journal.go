package wechattest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Call is one call that the sandbox received: an entry of Calls, and one JSON line of the journal.
// Neither a token nor a secret is ever in it.
type Call struct {
	Time     time.Time `json:"time"` // the sandbox's
	Method   string    `json:"method"`
	Path     string    `json:"path"` // without the query
	AppID    string    `json:"appid,omitempty"`
	Token    int       `json:"token,omitzero"` // which token was used or issued: 1 for the first one of this sandbox
	Type     string    `json:"type,omitempty"`
	Filename string    `json:"filename,omitempty"`
	Size     int64     `json:"size,omitzero"` // bytes of the media
	SHA256   string    `json:"sha256,omitempty"`
	Errcode  int       `json:"errcode"`
	Reason   string    `json:"reason,omitempty"`   // what was wrong, where the errcode alone doesn't say
	Status   int       `json:"status"`             // HTTP; 0: the connection was reset
	MediaID  string    `json:"media_id,omitempty"` // issued or read
	Fault    string    `json:"fault,omitempty"`    // the fault that was done to it
}

// call is a Call while it is being answered.
type call struct {
	Call
	req     *http.Request
	now     time.Time
	account *account // set once its token, or its appid, is known
	fault   Fault
	values  url.Values
}

func (c *call) query() url.Values {
	if c.values == nil {
		c.values = c.req.URL.Query()
	}
	return c.values
}

// here is the URL that the call came to, without its path.
func (c *call) here() string {
	if c.req.TLS != nil {
		return "https://" + c.req.Host
	}
	return "http://" + c.req.Host
}

// keptCalls bounds what Calls returns; older entries are dropped.
const keptCalls = 1 << 18

// journal keeps calls, in the order they were answered, and counts them by path.
type journal struct {
	mu    sync.Mutex
	out   io.Writer
	err   error
	calls []Call
	n     map[string]int
}

// record journals c.
func (s *Sandbox) record(c *call) {
	j := &s.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.n == nil {
		j.n = make(map[string]int)
	}
	if _, known := s.calls[c.Path]; known || len(j.n) < 1000 {
		j.n[c.Path]++
	}
	if s.cfg.Drain {
		return
	}
	if len(j.calls) >= keptCalls {
		j.calls = append(j.calls[:0], j.calls[keptCalls/2:]...)
	}
	j.calls = append(j.calls, c.Call)
	if j.out == nil || j.err != nil {
		return
	}
	line, err := json.Marshal(c.Call)
	if err == nil {
		_, err = j.out.Write(append(line, '\n'))
	}
	j.err = err
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls, j.n = nil, nil
}

// Calls returns the calls answered so far, oldest first: the last quarter of a million at most, none in Drain mode.
// A call is in it before its caller has the answer.
func (s *Sandbox) Calls() []Call {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return append([]Call(nil), s.journal.calls...)
}

// Count returns how many calls were made to paths that end in path ("media/upload", "/cgi-bin/token"), whatever the
// answer; "" counts all.
func (s *Sandbox) Count(path string) int {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	total := 0
	for p, n := range s.journal.n {
		if pathEnds(p, path) {
			total += n
		}
	}
	return total
}

// JournalErr returns the error that ended the writing of Config.Journal, or nil.
func (s *Sandbox) JournalErr() error {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return s.journal.err
}

// pathEnds reports whether path ends in the whole segments of end, so that "token" is not "stable_token".
func pathEnds(path, end string) bool {
	head, found := strings.CutSuffix(path, end)
	return found && (head == "" || end == "" || strings.HasPrefix(end, "/") || strings.HasSuffix(head, "/"))
}

// cleanPath bounds a path and cuts it where a query that lacks its '?' begins, since tokens stand there.
func cleanPath(path string) string {
	if i := strings.IndexAny(path, "&=?"); i >= 0 {
		path = path[:i]
	}
	return clip(path)
}

// clip bounds text that came from outside.
func clip(s string) string {
	if len(s) > 255 {
		s = s[:255]
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	return s
}
