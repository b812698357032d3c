package wechat

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/mediaferry/mediaferry/tasks"
)

const (
	copyLife     = time.Minute      // the life of a copy before the store is asked again
	renewEarly   = 4 * time.Minute  // WeChat returns a new token in the last five minutes, and the old one still serves
	refusalFloor = 30 * time.Second // between two fetches that refusals caused; WeChat's own limit for force_refresh
	failurePause = 5 * time.Second  // after a failed fetch, before this process tries again
	forcedPerDay = 10               // of WeChat's 20: other programs may need some too
	fetchTimeout = 40 * time.Second // one fetch in all; a command may take 30 s
	turnPoll     = 50 * time.Millisecond
	storeTimeout = 2 * time.Second  // of one call of the store
	storeAway    = 10 * time.Second // after a failed call of the store, before the next one
)

// keeper returns the access token of one account.
type keeper interface {
	// get returns a token that should serve.
	get(ctx context.Context) (Token, error)
	// renew returns another token than the one that WeChat refused, or an error that says why it can't.
	renew(ctx context.Context, refused Token) (Token, error)
	// refuse records that WeChat refused a token, and returns the time until another one may be fetched.
	refuse(ctx context.Context, refused Token) time.Duration
	// status tells of the token without the token.
	status(ctx context.Context) tasks.TokenStatus
	// check fetches a token even if there is a good one, to find out whether that works.
	check(ctx context.Context) (Token, error)
}

// shared keeps the token of one account for the whole fleet. One of its callers at a time asks the store, and one process of
// the fleet at a time fetches. The others wait, or go on with a copy that still serves.
type shared struct {
	key    string // of the account, in the store
	kind   TokenSource
	source source
	store  TokenStore
	now    func() time.Time
	zone   *time.Location
	log    *slog.Logger

	looking sync.Mutex // held by the one caller that asks the store although its copy serves
	flight  singleflight.Group

	mu        sync.Mutex // guards what follows
	copy      Token
	copiedAt  time.Time
	away      time.Time // until then the store is not asked
	wasAway   bool
	failure   error // of the last fetch,
	failedTil time.Time
}

func (s *shared) get(ctx context.Context) (Token, error) {
	t, fresh := s.have()
	if fresh {
		return t, nil
	}
	if s.serves(t) {
		if !s.looking.TryLock() {
			return t, nil
		}
		defer s.looking.Unlock()
	}
	return s.fly(ctx, "settle", s.settle)
}

// renew returns a TokenRefused error if WeChat returns the refused token again, or if a refusal caused a fetch just now: many
// refusals must not use up the day's token calls.
func (s *shared) renew(ctx context.Context, refused Token) (Token, error) {
	wait := s.refuse(ctx, refused)
	for range 2 { // the first run may have begun before the refusal was known
		t, err := s.get(ctx)
		if err != nil {
			return Token{}, err
		}
		if t.Value != refused.Value {
			return t, nil
		}
		if t.Vouched {
			break
		}
	}
	return Token{}, &tasks.Error{Code: tasks.TokenRefused, Op: opToken, Err: errSameToken, RetryAfter: max(wait, s.floorLeft())}
}

func (s *shared) check(ctx context.Context) (Token, error) {
	return s.fly(ctx, "check", func(ctx context.Context) (Token, error) {
		turn, _, err := s.turn(ctx, func(Token) bool { return false })
		if err != nil {
			return Token{}, err
		}
		defer turn.Release()
		have, _ := s.load(ctx)
		return s.fetch(ctx, have, turn.Seq)
	})
}

var (
	errSameToken = tasks.Textf("the access token was refused, and the one that was fetched then is the same")
	errTooSoon   = tasks.Textf("the access token was refused, and a new one was fetched less than 30 s ago")
)

// fly makes all concurrent callers share one run of do. The run goes on if the caller that began it gives up.
func (s *shared) fly(ctx context.Context, what string, do func(context.Context) (Token, error)) (Token, error) {
	ch := s.flight.DoChan(what, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		return do(ctx)
	})
	select {
	case r := <-ch:
		if r.Err != nil {
			return Token{}, r.Err
		}
		return r.Val.(Token), nil
	case <-ctx.Done():
		return Token{}, gaveUp(ctx)
	}
}

// settle returns the stored token if it is good, and fetches one otherwise.
func (s *shared) settle(ctx context.Context) (Token, error) {
	have, there := s.load(ctx)
	if s.good(have) || !there && s.serves(have) { // without the store every process would fetch one
		return s.keep(have), nil
	}
	t, err := s.replace(ctx, have)
	if err != nil && s.serves(have) {
		s.log.Warn("access token not renewed yet, the old one still serves", "err", err, "expires_at", have.ExpiresAt)
		return s.keep(have), nil
	}
	return t, err
}

// replace fetches a token in place of have, unless another process did so meanwhile.
func (s *shared) replace(ctx context.Context, have Token) (Token, error) {
	if err := s.mayFetch(have); err != nil {
		return Token{}, err
	}
	patience := s.good
	if s.serves(have) {
		patience = s.serves // while another process fetches, this one serves
	}
	turn, now, err := s.turn(ctx, patience)
	if err != nil {
		return Token{}, err
	}
	if turn.Release == nil {
		return s.keep(now), nil
	}
	defer turn.Release()
	have, _ = s.load(ctx) // the process that had the turn before may have fetched
	if s.good(have) {
		return s.keep(have), nil
	}
	if err := s.mayFetch(have); err != nil {
		return Token{}, err
	}
	return s.fetch(ctx, have, turn.Seq)
}

// turn waits for the right to fetch. If a stored token is enough while another process has the right, turn returns that
// token and a zero Turn.
func (s *shared) turn(ctx context.Context, enough func(Token) bool) (Turn, Token, error) {
	for {
		turn, ok := s.lock(ctx)
		if ok {
			return turn, Token{}, nil
		}
		if t, _ := s.load(ctx); enough(t) {
			return Turn{}, t, nil
		}
		if err := pause(ctx, turnPoll); err != nil {
			return Turn{}, Token{}, &tasks.Error{Code: tasks.Temporary, Op: opToken, Err: errTurn}
		}
	}
}

var errTurn = tasks.Textf("another process is fetching the account's token and takes too long")

// fetch asks the source for a token and saves it. have is the token that it replaces.
func (s *shared) fetch(ctx context.Context, have Token, seq int64) (Token, error) {
	asked := s.now()
	force := have.Refused && have.Vouched && s.mayForce(have)
	g, err := s.source.fetch(ctx, force)
	if err != nil {
		return Token{}, s.failed(err)
	}
	t := Token{
		Value: g.value, Seq: seq, FetchedAt: asked, ExpiresAt: asked.Add(g.life), RenewAt: asked.Add(g.life - min(renewEarly, g.life/4)),
		RenewedAt: have.RenewedAt, ForcedAt: have.ForcedAt, Forced: have.Forced,
	}
	if have.Refused {
		t.RenewedAt, t.Vouched = asked, g.value == have.Value
	}
	if force {
		if !s.sameDay(have.ForcedAt, asked) {
			t.Forced = 0
		}
		t.ForcedAt, t.Forced = asked, t.Forced+1
	}
	s.log.Info("access token fetched", "expires_at", t.ExpiresAt, "after_refusal", have.Refused, "forced", force)
	return s.keep(s.save(ctx, t)), nil
}

// mayFetch returns an error if a refusal caused a fetch just now.
func (s *shared) mayFetch(have Token) error {
	if have.Refused && s.recent(have.RenewedAt) {
		return &tasks.Error{Code: tasks.TokenRefused, Op: opToken, Err: errTooSoon, RetryAfter: refusalFloor - s.now().Sub(have.RenewedAt)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil && s.now().Before(s.failedTil) {
		return s.failure
	}
	return nil
}

// mayForce reports whether the day's count allows one more. The time between two is mayFetch's: each is a refusal's fetch.
func (s *shared) mayForce(have Token) bool {
	return have.Forced < forcedPerDay || !s.sameDay(have.ForcedAt, s.now())
}

// recent reports whether a refusal's fetch at that time forbids the next one. A time in the far future, by another machine's
// wrong clock, does not.
func (s *shared) recent(at time.Time) bool { return s.now().Sub(at).Abs() < refusalFloor }

func (s *shared) sameDay(a, b time.Time) bool {
	return tasks.DayOf(a, s.zone) == tasks.DayOf(b, s.zone)
}

// serves reports whether calls may be made with t.
func (s *shared) serves(t Token) bool {
	if t.Value == "" || !s.now().Before(t.ExpiresAt) {
		return false
	}
	// WeChat returned a refused token again: until the next fetch it is the only one to try.
	return !t.Refused || t.Vouched && s.recent(t.RenewedAt)
}

// good reports whether t serves and need not be renewed yet.
func (s *shared) good(t Token) bool { return s.serves(t) && s.now().Before(t.RenewAt) }

// failed remembers a failure for failurePause. It does not remember one that holds the account: the hold stops calls by
// itself, and the first call after it must try.
func (s *shared) failed(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = nil
	if code := tasks.CodeOf(err); code.Reaction() != tasks.ReactHold && code != tasks.Egress {
		s.failure, s.failedTil = err, s.now().Add(failurePause)
	}
	return err
}

func (s *shared) floorLeft() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(refusalFloor, max(0, refusalFloor-s.now().Sub(s.copy.RenewedAt)))
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// gaveUp returns the error of a caller whose context ended before there was a token.
func gaveUp(ctx context.Context) error {
	return &tasks.Error{Code: tasks.Temporary, Op: opToken, Err: ended(ctx)}
}
