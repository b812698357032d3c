package api

import (
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

// Spoken is a question whose answer has texts for people: they come in the language that is asked for, and in English to who
// asks for none. Everything else, and every other answer, event and report, is English.
type Spoken struct {
	Language string `header:"Accept-Language" doc:"zh: reason, meaning and hint in Chinese"`
}

// spokenInput is a question with nothing else in it.
type spokenInput struct{ Spoken }

// varies is a header of an answer to a Spoken question, for caches.
const varies = "Accept-Language"

// outcome puts reason and hint into the language that was asked for.
func (s *Server) outcome(q Spoken, o tasks.Outcome) tasks.Outcome {
	l := lang.OfHeader(q.Language)
	if l == lang.English || o.Code == "" {
		return o
	}
	c := lang.CauseOf(o)
	o.Reason, o.Hint = s.reasons.Reason(l, c), s.reasons.Remedy(l, c)
	for i, a := range o.History {
		o.History[i].Reason = s.reasons.Reason(l, lang.CauseOfAttempt(a))
	}
	return o
}

// failure says what a kind of failure means and what to do about it.
func (s *Server) failure(q Spoken, g tasks.FailureGroup) Failure {
	l := lang.OfHeader(q.Language)
	if l == lang.English {
		return Failure{g, g.Code.Meaning(), g.Code.Hint()}
	}
	c := lang.Cause{Code: g.Code, Errcode: g.Errcode, Hint: g.Code.Hint()}
	return Failure{g, s.reasons.Meaning(l, g.Code, g.Errcode), s.reasons.Remedy(l, c)}
}

// hold puts the reason of a hold into the language that was asked for.
func (s *Server) hold(q Spoken, a *tasks.AccountStatus) {
	l := lang.OfHeader(q.Language)
	if a.Hold == nil || l == lang.English {
		return
	}
	h := *a.Hold
	h.Reason = s.reasons.Reason(l, lang.CauseOfHold(h))
	a.Hold = &h
}

// refusals puts the reasons of refused rows into the language that was asked for.
func (s *Server) refusals(q Spoken, rs []tasks.Refusal) []tasks.Refusal {
	if l := lang.OfHeader(q.Language); l != lang.English {
		for i, r := range rs {
			rs[i].Reason = s.reasons.Reason(l, lang.CauseOfRefusal(r))
		}
	}
	return orEmpty(rs)
}
