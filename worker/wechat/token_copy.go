package wechat

import (
	"context"
	"time"
)

// This file has the calls of the store. A copy of the token serves while the store is away.

// have returns the copy, and whether it can be used without asking the store.
func (s *shared) have() (t Token, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := s.now().Sub(s.copiedAt)
	return s.copy, s.good(s.copy) && age >= 0 && age < copyLife
}

// keep makes t the copy and returns the copy. If the copy changed since t was loaded, a newer token stays, and so does a
// refusal.
func (s *shared) keep(t Token) Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.Seq < s.copy.Seq {
		return s.copy
	}
	if t.Seq == s.copy.Seq && t.Value == s.copy.Value {
		t.Refused = t.Refused || s.copy.Refused
	}
	s.copy, s.copiedAt = t, s.now()
	return t
}

// refuse marks the token as refused in the copy and in the store, if they still have it.
func (s *shared) refuse(ctx context.Context, refused Token) time.Duration {
	s.mu.Lock()
	if s.copy.Value == refused.Value {
		s.copy.Refused = true
	}
	s.mu.Unlock()
	s.ask(ctx, func(ctx context.Context) error { return s.store.Refuse(ctx, s.key, refused.Value) })
	return s.floorLeft()
}

// load returns the stored token, or the copy (and false) while the store is away. If the store has lost the token (a wiped
// Redis) or missed it (an outage), load stores the copy again, so that no process fetches another one.
func (s *shared) load(ctx context.Context) (t Token, there bool) {
	var stored Token
	there = s.ask(ctx, func(ctx context.Context) (err error) {
		stored, err = s.store.Load(ctx, s.key)
		return err
	})
	s.mu.Lock()
	mine := s.copy
	s.mu.Unlock()
	switch {
	case !there:
		return mine, false
	case mine.Seq > stored.Seq:
		return s.save(ctx, mine), true
	case mine.Refused && mine.Value == stored.Value && !stored.Refused && mine.Seq == stored.Seq:
		s.ask(ctx, func(ctx context.Context) error { return s.store.Refuse(ctx, s.key, mine.Value) })
		stored.Refused = true
	}
	return stored, true
}

// save stores t and returns the stored token. A newer token of another process wins.
func (s *shared) save(ctx context.Context, t Token) Token {
	s.ask(ctx, func(ctx context.Context) error {
		stored, err := s.store.Save(ctx, s.key, t)
		if err == nil {
			t = stored
		}
		return err
	})
	return t
}

// lock asks for the turn. While the store is away it always succeeds: this process has one caller anyway.
func (s *shared) lock(ctx context.Context) (Turn, bool) {
	var turn Turn
	var ok bool
	there := s.ask(ctx, func(ctx context.Context) (err error) {
		turn, ok, err = s.store.Lock(ctx, s.key)
		return err
	})
	if there {
		return turn, ok
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return Turn{Seq: max(s.now().UnixMicro(), s.copy.Seq+1), Release: func() {}}, true
}

// ask makes one call of the store, unless the store is away. It reports whether the store answered.
func (s *shared) ask(ctx context.Context, call func(context.Context) error) bool {
	s.mu.Lock()
	skip := s.now().Before(s.away)
	s.mu.Unlock()
	if skip {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := call(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil && !s.wasAway:
		s.log.Warn("token store not at hand, going on from memory", "err", err)
	case err == nil && s.wasAway:
		s.log.Info("token store is back")
	}
	s.wasAway = err != nil
	s.away = time.Time{}
	if err != nil {
		s.away = s.now().Add(storeAway)
	}
	return err == nil
}
