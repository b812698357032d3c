package wechattest

import (
	"encoding/json"
	"net/http"
	"slices"
)

// page is what a proxy in front of WeChat says when WeChat is away.
const page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"

// before does the faults that replace the real answer.
func (s *Sandbox) before(c *call) (answer, bool) {
	var a answer
	switch f := c.fault; f.Kind {
	case ResetBefore:
		return answer{}, true
	case RevokeToken:
		s.revokeByToken(c)
		return answer{}, false
	case Errcode:
		a = s.refuse(c, f.Errcode, "")
		if f.Errmsg != "" {
			a = s.refuseAs(c, f.Errcode, f.Errmsg, "")
		}
	case HTML502:
		a = answer{status: http.StatusBadGateway, contentType: "text/html", body: []byte(page)}
	case HTML200:
		a = answer{status: http.StatusOK, contentType: "text/html", body: []byte(page)}
	case Status:
		a = answer{status: f.Status}
	case Empty:
		a = answer{status: http.StatusOK}
	default:
		return answer{}, false
	}
	s.name(c)
	return a, true
}

// after does the faults that spoil the real answer.
func (f Fault) after(a answer) answer {
	switch f.Kind {
	case ResetAfter:
		return answer{}
	case StringCreated:
		a.body = edit(a.body, func(m map[string]json.RawMessage) {
			if at, made := m["created_at"]; made {
				m["created_at"] = slices.Concat([]byte(`"`), at, []byte(`"`))
			}
		})
	case NoMediaID:
		a.body = edit(a.body, func(m map[string]json.RawMessage) {
			delete(m, "media_id")
			delete(m, "thumb_media_id")
		})
	case BOM:
		a.body = append([]byte("\ufeff"), a.body...)
	case ControlChars:
		a.body = slices.Concat([]byte("\x00\x1f"), a.body, []byte("\x00\x0b"))
	case Cut:
		a.body = a.body[:len(a.body)/2]
	case OKErrcode:
		a.body = edit(a.body, func(m map[string]json.RawMessage) {
			if _, refused := m["errcode"]; !refused {
				m["errcode"], m["errmsg"] = []byte(`0`), []byte(`"ok"`)
			}
		})
	}
	return a
}

// edit changes a JSON object; what is none stays as it is.
func edit(body []byte, change func(map[string]json.RawMessage)) []byte {
	var m map[string]json.RawMessage
	if json.Unmarshal(body, &m) != nil {
		return body
	}
	change(m)
	b, err := json.Marshal(m)
	if err != nil {
		return body
	}
	return b
}

// name finds out whose call it is, for the journal alone.
func (s *Sandbox) name(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[c.query().Get("access_token")]; t != nil {
		c.account, c.AppID, c.Token = t.account, t.account.AppID, t.serial
	}
	if c.req.URL.Path == pathUpload {
		c.Type = clip(c.query().Get("type"))
	}
}

// revokeByToken ends the tokens of the account that calls.
func (s *Sandbox) revokeByToken(c *call) {
	s.name(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.account != nil {
		s.revoke(c.account)
	}
}
