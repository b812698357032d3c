package api

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// WeChat's errcodes that the drop-in endpoint answers with.
const (
	wxBusy         = -1
	wxToken        = 40001
	wxGrant        = 40002
	wxType         = 40004
	wxFormat       = 40005
	wxMediaID      = 40007
	wxImageSize    = 40009
	wxVoiceSize    = 40010
	wxVideoSize    = 40011
	wxThumbSize    = 40012
	wxFile         = 40113
	wxSecret       = 40125
	wxBroken       = 40137
	wxNoToken      = 41001
	wxNoMedia      = 41005
	wxNoMediaID    = 41006
	wxTokenExpired = 42001
	wxEmpty        = 44001
	wxTooLarge     = 45001
	wxTooLong      = 45007
	wxDay          = 45009
	wxMinute       = 45011
	wxBadBody      = 47001
	wxUnauthorized = 48001
)

// wxTexts are the errmsgs. Clients go by the number.
var wxTexts = map[int]string{
	wxBusy:         "system error",
	wxToken:        "invalid credential, access_token is invalid or not latest",
	wxGrant:        "invalid grant_type",
	wxType:         "invalid media type",
	wxFormat:       "invalid file type",
	wxMediaID:      "invalid media_id",
	wxImageSize:    "invalid image size",
	wxVoiceSize:    "invalid voice size",
	wxVideoSize:    "invalid video size",
	wxThumbSize:    "invalid thumb size",
	wxFile:         "unsupported file type",
	wxSecret:       "invalid appsecret",
	wxBroken:       "invalid image format",
	wxNoToken:      "access_token missing",
	wxNoMedia:      "media data missing",
	wxNoMediaID:    "media_id missing",
	wxTokenExpired: "access_token expired",
	wxEmpty:        "empty media data",
	wxTooLarge:     "media size out of limit",
	wxTooLong:      "playtime out of limit",
	wxDay:          "reach max api daily quota limit",
	wxMinute:       "api minute-quota reach limit",
	wxBadBody:      "data format error",
	wxUnauthorized: "api unauthorized",
}

// wxError is a failure in WeChat's form, with HTTP status 200.
type wxError struct {
	Errcode int    `json:"errcode"`
	Errmsg  string `json:"errmsg"`
}

// wxMedia is a success in WeChat's form. The id of a thumb has a name of its own.
type wxMedia struct {
	Type         string `json:"type"`
	MediaID      string `json:"media_id,omitempty"`
	ThumbMediaID string `json:"thumb_media_id,omitempty"`
	CreatedAt    int64  `json:"created_at"`
	Item         []int  `json:"item"`
}

func wxSuccess(o tasks.Outcome) wxMedia {
	m := wxMedia{Type: string(o.Type), MediaID: o.MediaID, CreatedAt: o.IssuedAt.Unix(), Item: []int{}}
	if o.Type == tasks.Thumb {
		m.MediaID, m.ThumbMediaID = "", o.MediaID
	}
	return m
}

// wxFailure returns WeChat's own errcode of a failure, or the errcode that comes closest to it.
func wxFailure(code tasks.Code, errcode int, kind tasks.MediaType) int {
	if errcode != 0 {
		return errcode
	}
	switch code {
	case tasks.Unsupported:
		return wxFormat
	case tasks.TooLarge:
		return map[tasks.MediaType]int{tasks.Image: wxImageSize, tasks.Voice: wxVoiceSize, tasks.Video: wxVideoSize, tasks.Thumb: wxThumbSize}[kind]
	case tasks.TooLong:
		return wxTooLong
	case tasks.Corrupt:
		return map[tasks.MediaType]int{tasks.Image: wxBroken, tasks.Voice: wxFile, tasks.Video: wxFile, tasks.Thumb: wxBroken}[kind]
	case tasks.Empty:
		return wxEmpty
	case tasks.DailyLimit:
		return wxDay
	case tasks.MinuteLimit:
		return wxMinute
	case tasks.Denied, tasks.Forbidden:
		return wxUnauthorized
	case tasks.Unauthorized:
		return wxToken
	}
	return wxBusy
}

// wxLimit tells a limit that is over in a minute from one that is over tomorrow.
func wxLimit(e *tasks.Error) int {
	if e.RetryAfter > time.Minute {
		return wxDay
	}
	return wxMinute
}

// wxRefusal is what wxFail answers with.
type wxRefusal struct {
	errcode int
	rid     string // of WeChat's refusal; empty: the ID of the request
	why     string // a sentence for people, which WeChat calls hints; empty: left out
}

func (s *Server) wxFail(w http.ResponseWriter, r *http.Request, f wxRefusal) {
	text, ok := wxTexts[f.errcode]
	if !ok {
		text = "refused by WeChat"
	}
	if t := trace(r.Context()); t != nil && t.err == nil { // the log line that the rid leads to says why
		t.err = tasks.Textf("answered with errcode %d: %s", f.errcode, cmp.Or(f.why, text))
	}
	if f.why != "" {
		text += " hints: [ " + f.why + " ]"
	}
	wxWrite(w, wxError{f.errcode, text + " rid: " + cmp.Or(f.rid, requestID(r.Context()))})
}

// wxWrite answers as WeChat does: without a line end, which clients that mend WeChat's control characters take for one of
// them, and with a media type that clients compare letter by letter.
func wxWrite(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	b, err := json.Marshal(v)
	if err == nil {
		_, _ = w.Write(b) // an error means that the connection is gone
	}
}
