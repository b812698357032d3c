package wechattest

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Kind names what goes wrong with an answer.
type Kind string

// The kinds of faults. The call takes effect (the media is stored, the quota counted) only with those that say so.
const (
	Errcode       Kind = "errcode"         // Fault.Errcode, with any text in Fault.Errmsg
	HTML502       Kind = "html_502"        // an HTML page with HTTP 502
	HTML200       Kind = "html_200"        // an HTML page with HTTP 200
	Status        Kind = "status"          // an empty answer with Fault.Status
	Empty         Kind = "empty"           // HTTP 200 and no body
	ResetBefore   Kind = "reset_before"    // the connection is reset before the body is read
	ResetAfter    Kind = "reset_after"     // the call takes effect, then the connection is reset
	Slow          Kind = "slow"            // the call takes effect; the answer comes after Fault.Delay
	RevokeToken   Kind = "revoke"          // the account's tokens are revoked, then the call is handled: it meets 40001
	StringCreated Kind = "string_created"  // takes effect; created_at is a string
	NoMediaID     Kind = "no_media_id"     // takes effect; the answer leaves the media_id out
	BOM           Kind = "bom"             // takes effect; the answer begins with a byte order mark
	ControlChars  Kind = "control_chars"   // takes effect; control characters stand around the answer
	Cut           Kind = "cut"             // takes effect; the answer's JSON ends in the middle
	OKErrcode     Kind = "ok_with_errcode" // takes effect; the answer also says "errcode":0,"errmsg":"ok"
)

var kinds = []Kind{
	Errcode, HTML502, HTML200, Status, Empty, ResetBefore, ResetAfter, Slow, RevokeToken,
	StringCreated, NoMediaID, BOM, ControlChars, Cut, OKErrcode,
}

// Fault is one thing that goes wrong.
type Fault struct {
	// Kind of fault. Empty: Errcode where Errcode is set, else Slow.
	Kind Kind `json:"kind,omitempty"`
	// Path says which calls: those whose path ends in it, as "media/upload". Empty: any.
	Path string `json:"path,omitempty"`
	// Times is how many answers of a script it is done to; 0: one. Rate ignores it.
	Times int `json:"times,omitempty"`
	// Errcode and Errmsg are the answer of kind Errcode. The sandbox adds a rid.
	Errcode int    `json:"errcode,omitempty"`
	Errmsg  string `json:"errmsg,omitempty"`
	// Status is the HTTP status of kind Status.
	Status int `json:"status,omitempty"`
	// Delay passes before the answer, or before the connection is reset, with every kind.
	Delay time.Duration `json:"-"`
}

// check completes f and says what is wrong with it.
func (f Fault) check() (Fault, error) {
	if f.Kind == "" {
		f.Kind = Slow
		if f.Errcode != 0 {
			f.Kind = Errcode
		}
	}
	switch {
	case !slices.Contains(kinds, f.Kind):
		return f, fmt.Errorf("fault kind %q is not one of %q", clip(string(f.Kind)), kinds)
	case f.Kind == Errcode && f.Errcode == 0:
		return f, fmt.Errorf("a fault of kind errcode needs an errcode")
	case f.Kind == Status && (f.Status < 200 || f.Status > 599):
		return f, fmt.Errorf("a fault of kind status needs a status from 200 to 599")
	case f.Kind == Slow && f.Delay <= 0:
		return f, fmt.Errorf("a fault of kind slow needs a delay")
	}
	f.Times = max(1, f.Times)
	return f, nil
}

// name is how the journal calls it.
func (f Fault) name() string {
	if f.Kind == Errcode {
		return fmt.Sprintf("errcode %d", f.Errcode)
	}
	return string(f.Kind)
}

// faults holds what will go wrong.
type faults struct {
	mu     sync.Mutex
	script []Fault
	rates  []rate
}

type rate struct {
	Fault
	share float64
}

// Script adds faults for the next calls, one after the other: each call meets the first fault left whose Path it has.
// It panics on a fault that makes no sense, as that is a mistake in the test itself.
func (s *Sandbox) Script(fs ...Fault) {
	if err := s.script(fs...); err != nil {
		panic("wechattest: " + err.Error())
	}
}

func (s *Sandbox) script(fs ...Fault) error {
	checked := make([]Fault, len(fs))
	for i, f := range fs {
		var err error
		if checked[i], err = f.check(); err != nil {
			return err
		}
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.script = append(s.faults.script, checked...)
	return nil
}

// Rate does f to a share (0 to 1) of the calls that have its Path and meet no scripted fault. Several rates add up;
// the same fault again changes its share, and 0 ends it. It panics like Script.
func (s *Sandbox) Rate(f Fault, share float64) {
	if err := s.rate(f, share); err != nil {
		panic("wechattest: " + err.Error())
	}
}

func (s *Sandbox) rate(f Fault, share float64) error {
	f, err := f.check()
	switch {
	case err != nil:
		return err
	case !(share >= 0 && share <= 1):
		return fmt.Errorf("the share of a fault is %v, not 0 to 1", share)
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.rates = slices.DeleteFunc(s.faults.rates, func(r rate) bool { return r.Fault == f })
	if share > 0 {
		s.faults.rates = append(s.faults.rates, rate{f, share})
	}
	return nil
}

// Pending returns how many scripted answers are still to come.
func (s *Sandbox) Pending() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	n := 0
	for _, f := range s.faults.script {
		n += f.Times
	}
	return n
}

func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.script, fs.rates = nil, nil
}

// next returns the fault that a call of path meets; the zero Fault where none.
func (fs *faults) next(path string, d *dice) Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i := range fs.script {
		f := fs.script[i]
		if !pathEnds(path, f.Path) {
			continue
		}
		if fs.script[i].Times--; fs.script[i].Times == 0 {
			fs.script = slices.Delete(fs.script, i, i+1)
		}
		return f
	}
	for _, r := range fs.rates {
		if pathEnds(path, r.Path) && d.chance(r.share) {
			return r.Fault
		}
	}
	return Fault{}
}
