package worker

import (
	"context"
	"sync"
)

// shares deals out slots or bytes to uploads. Free ones go to the account that holds the fewest. A part is kept for accounts
// that hold less than their even share, so that the slow or heavy uploads of one account never take all of it. It is safe
// for concurrent use.
type shares struct {
	mu      sync.Mutex
	size    int64 // for all accounts
	spare   int64 // beyond size, for accounts below their even share only
	used    int64
	held    map[string]int64 // by account
	waiting map[string][]*asking
	asked   int64 // askings so far
	closed  bool
}

// asking is one upload that waits.
type asking struct {
	n       int64
	order   int64
	refused bool
	given   chan struct{} // closed when it was given, or refused
}

func newShares(size, spare int64) *shares {
	return &shares{size: size, spare: spare, held: map[string]int64{}, waiting: map[string][]*asking{}}
}

// take waits until the account gets n, ctx ends or shut is called. An n larger than size counts as size. release gives
// them back; call it once.
func (s *shares) take(ctx context.Context, account string, n int64) (release func(), err error) {
	n = min(n, s.size)
	a := &asking{n: n, given: make(chan struct{})}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errStopping
	}
	s.asked++
	a.order = s.asked
	s.waiting[account] = append(s.waiting[account], a)
	s.deal()
	s.mu.Unlock()
	select {
	case <-a.given:
		if a.refused {
			return nil, errStopping
		}
		return func() { s.give(account, n) }, nil
	case <-ctx.Done():
		if !s.withdraw(account, a) && !a.refused {
			s.give(account, n)
		}
		return nil, ctx.Err()
	}
}

// shut refuses all askings that wait, and all that come. What was taken is given back as before.
func (s *shares) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, line := range s.waiting {
		for _, a := range line {
			a.refused = true
			close(a.given)
		}
	}
	clear(s.waiting)
}

// try takes n if they are free and nothing waits for them. Otherwise it returns nil.
func (s *shares) try(account string, n int64) (release func()) {
	n = min(n, s.size)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) > 0 || !s.fits(account, n) {
		return nil
	}
	s.used += n
	s.held[account] += n
	return func() { s.give(account, n) }
}

func (s *shares) give(account string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= n
	if s.held[account] -= n; s.held[account] == 0 {
		delete(s.held, account)
	}
	s.deal()
}

// withdraw removes an asking that still waits, and reports whether it did wait.
func (s *shares) withdraw(account string, a *asking) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := s.waiting[account]
	for i := range line {
		if line[i] == a {
			s.setLine(account, append(line[:i:i], line[i+1:]...))
			s.deal() // others may have waited behind it
			return true
		}
	}
	return false
}

func (s *shares) setLine(account string, line []*asking) {
	if len(line) == 0 {
		delete(s.waiting, account)
		return
	}
	s.waiting[account] = line
}

// deal gives away what is free, until nothing is free or nothing waits.
func (s *shares) deal() {
	for {
		account, a := s.next()
		if a == nil || !s.fits(account, a.n) {
			return
		}
		s.setLine(account, s.waiting[account][1:])
		s.used += a.n
		s.held[account] += a.n
		close(a.given)
	}
}

// next returns the first asking of the account that holds the least. Of several such accounts it takes the one whose first
// asking has waited longest.
func (s *shares) next() (account string, first *asking) {
	for name, line := range s.waiting {
		switch a := line[0]; {
		case first == nil, s.held[name] < s.held[account], s.held[name] == s.held[account] && a.order < first.order:
			account, first = name, a
		}
	}
	return account, first
}

func (s *shares) fits(account string, n int64) bool {
	if s.used+n <= s.size {
		return true
	}
	accounts := int64(len(s.held))
	if s.held[account] == 0 {
		accounts++
	}
	return s.used+n <= s.size+s.spare && s.held[account]+n <= max(n, s.size/accounts) && accounts > 1
}
