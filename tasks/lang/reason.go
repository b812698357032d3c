package lang

import (
	"cmp"
	"embed"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/mediaferry/mediaferry/tasks"
)

//go:embed messages sentences
var messages embed.FS

// Cause is why an upload failed or waits, or why an account is held, as it was recorded.
type Cause struct {
	Code    tasks.Code
	Errcode int
	Reason  string // in English
	Hint    string // in English
	Params  tasks.Params
	// Words are those of others in Reason, without the step that failed. Empty: they are not known apart.
	Words string
}

// CauseOf returns the cause of an outcome.
func CauseOf(o tasks.Outcome) Cause {
	return Cause{Code: o.Code, Errcode: o.Errcode, Reason: o.Reason, Hint: o.Hint, Params: o.Params}
}

// CauseOfError returns an error as a cause.
func CauseOfError(e *tasks.Error) Cause {
	c := Cause{Code: e.Code, Errcode: e.Errcode, Reason: e.Error(), Hint: e.Advice(), Params: e.Values()}
	if e.Err != nil {
		c.Words = e.Err.Error()
	}
	return c
}

// CauseOfHold returns why an account is held.
func CauseOfHold(h tasks.Hold) Cause {
	return Cause{Code: h.Code, Errcode: h.Errcode, Reason: h.Reason, Hint: h.Code.Hint(), Params: h.Params}
}

// CauseOfAttempt returns why an attempt failed.
func CauseOfAttempt(a tasks.Attempt) Cause {
	return Cause{Code: a.Code, Errcode: a.Errcode, Reason: a.Reason, Hint: a.Code.Hint(), Params: a.Params}
}

// CauseOfRefusal returns why a row was refused.
func CauseOfRefusal(r tasks.Refusal) Cause {
	return Cause{Code: r.Code, Reason: r.Reason, Hint: r.Code.Hint(), Params: r.Params}
}

// Explain says what an errcode of WeChat means where it led to a code, and what to do. It reports false for one that is
// not known.
type Explain func(l Language, code tasks.Code, errcode int) (meaning, remedy string, ok bool)

// Reasons puts causes into words. It is safe for concurrent use.
type Reasons struct {
	texts     *Texts
	sentences sentences
	explain   Explain
}

// NewReasons reads the catalogs of reasons. Without explain, errcodes have the meaning of their code.
func NewReasons(explain Explain) (*Reasons, error) {
	texts, err := Load(messages, "messages")
	if err != nil {
		return nil, err
	}
	own, err := loadSentences()
	return &Reasons{texts, own, explain}, err
}

// Meaning says in a few words what happened.
func (r *Reasons) Meaning(l Language, code tasks.Code, errcode int) string {
	if meaning, _, ok := r.errcode(l, code, errcode); ok {
		return meaning
	}
	if l == English || code == "" {
		return code.Meaning()
	}
	return r.texts.Text(l, "codes."+string(code))
}

// Reason says what happened, with what was measured. In English that is the recorded text. In another language a text that
// is not ours stands behind a meaning that is.
func (r *Reasons) Reason(l Language, c Cause) string {
	if l == English || c.Code == "" {
		return c.Reason
	}
	if c.Params.Text != nil && c.Params.Rule == "" {
		if _, known := r.sentences.say(l, c.Params.Text); known {
			return r.text(l, c.Params.Text)
		}
	}
	said := r.Meaning(l, c.Code, c.Errcode)
	if c.Params.Rule != "" {
		said = r.rule(l, c.Params)
	}
	return said + r.behind(l, c)
}

// behind is what stands behind a meaning: the words of others.
func (r *Reasons) behind(l Language, c Cause) string {
	p := c.Params
	detail := p.Detail
	if p.Text, p.Advice = nil, nil; p == (tasks.Params{}) {
		detail = strings.TrimSuffix(cmp.Or(c.Words, c.Reason), fmt.Sprintf(" (errcode %d)", c.Errcode))
		if strings.HasSuffix(detail, c.Code.Meaning()) { // it says the same
			detail = ""
		}
	}
	switch {
	case c.Errcode != 0 && detail != "":
		return r.texts.Text(l, "parts.wechat", "Errcode", strconv.Itoa(c.Errcode), "Text", errmsg(detail))
	case c.Errcode != 0:
		return r.texts.Text(l, "parts.errcode", "Errcode", strconv.Itoa(c.Errcode))
	case detail != "" && c.Params.Text != nil:
		return r.texts.Text(l, "parts.detail", "Text", r.text(l, c.Params.Text))
	case detail != "":
		return r.texts.Text(l, "parts.detail", "Text", detail)
	}
	return ""
}

// errmsg is what WeChat said, out of a recorded reason.
func errmsg(reason string) string {
	if _, said, found := strings.Cut(reason, "WeChat says: "); found {
		return said
	}
	return reason
}

func (r *Reasons) rule(l Language, p tasks.Params) string {
	measured, limit := strconv.FormatFloat(p.Measured, 'f', -1, 64), strconv.FormatFloat(p.Limit, 'f', -1, 64)
	switch p.Rule {
	case tasks.RuleBytes, tasks.RuleAnimation:
		measured, limit = humanize.IBytes(uint64(p.Measured)), humanize.IBytes(uint64(p.Limit))
	case tasks.RulePixels, tasks.RuleFixPixels:
		measured, limit = myriads(p.Measured), myriads(p.Limit)
	case tasks.RuleSeconds:
		measured = strconv.FormatFloat(math.Round(p.Measured*10)/10, 'f', -1, 64)
	}
	accepts := strings.ReplaceAll(p.Accepts, ", ", "、")
	return r.texts.Text(l, "rules."+string(p.Rule), "Measured", measured, "Limit", limit, "Format", p.Format, "Accepts", accepts, "Type", r.Type(l, p.Type))
}

// myriads writes a large number in the units of Chinese, with three digits or four.
func myriads(n float64) string {
	for unit, size := range map[string]float64{" 亿": 1e8, " 万": 1e4} {
		if n >= size && n < size*1e4 {
			return strconv.FormatFloat(n/size, 'g', 4, 64) + unit
		}
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// Type is the name of a media type.
func (r *Reasons) Type(l Language, t tasks.MediaType) string {
	if l == English || t == "" {
		return string(t)
	}
	return r.texts.Text(l, "types."+string(t))
}

// State is the name of a state.
func (r *Reasons) State(l Language, s tasks.State) string {
	if l == English || s == "" {
		return string(s)
	}
	return r.texts.Text(l, "states."+string(s))
}

// Remedy says what to do about it. It is empty if there is nothing to do.
func (r *Reasons) Remedy(l Language, c Cause) string {
	if l == English {
		return c.Hint
	}
	if _, remedy, ok := r.errcode(l, c.Code, c.Errcode); ok {
		return remedy
	}
	if said := r.params(l, c.Params); said != "" {
		return said
	}
	if c.Params.Advice != nil {
		return r.text(l, c.Params.Advice)
	}
	if own := c.Code.Hint(); c.Hint != "" && c.Hint != own {
		return cmp.Or(r.sentences[c.Hint][l], c.Hint)
	}
	if c.Code == "" || c.Code.Hint() == "" {
		return ""
	}
	return r.texts.Text(l, "codes."+string(c.Code)+"_hint")
}

// Advice says what to do about a kind of failure: in English too what an errcode or the code itself advises, where the cause
// has no hint of its own.
func (r *Reasons) Advice(l Language, c Cause) string {
	if l != English {
		return r.Remedy(l, c)
	}
	if _, remedy, ok := r.errcode(l, c.Code, c.Errcode); ok {
		return remedy
	}
	return cmp.Or(c.Hint, c.Code.Hint())
}

// params is the remedy that the values name.
func (r *Reasons) params(l Language, p tasks.Params) string {
	said := p.Command
	if p.Remedy != "" {
		said = r.texts.Text(l, "remedies."+string(p.Remedy), "Command", p.Command)
	}
	if p.Fix {
		said = r.texts.Text(l, "parts.fix", "Command", said)
	}
	switch name := r.Type(l, p.SubmitAs); {
	case p.SubmitAs == "":
		return said
	case said == "":
		return r.texts.Text(l, "parts.submit_as", "Type", p.SubmitAs, "Name", name)
	default:
		return r.texts.Text(l, "parts.submit_after", "Type", p.SubmitAs, "Name", name, "First", said)
	}
}

func (r *Reasons) errcode(l Language, code tasks.Code, errcode int) (meaning, remedy string, ok bool) {
	if errcode == 0 || r.explain == nil {
		return "", "", false
	}
	return r.explain(l, code, errcode)
}
