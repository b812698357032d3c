package wechat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// fetchTimes returns when tokens were fetched from a sandbox.
func fetchTimes(srv *wechattest.Server) (times []time.Time) {
	for _, c := range srv.Calls() {
		if c.Path == "/cgi-bin/stable_token" || c.Path == "/cgi-bin/token" {
			times = append(times, c.Time)
		}
	}
	return times
}

func TestStormOfRefusalsFetchesOncePer30s(t *testing.T) {
	t.Parallel()
	for _, source := range []wechat.TokenSource{wechat.StableToken, wechat.PlainToken} {
		t.Run(string(source), func(t *testing.T) {
			t.Parallel()
			now := newClock()
			srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
			srv.Rate(wechattest.Fault{Errcode: 40001, Path: "media/upload"}, 1)
			a := account()
			a.Source = source
			c := newClient(t, config(srv.URL, now.Now), a, nil)
			for range 10 * 60 {
				_, err := upload(t, c)
				e := tasks.AsError(err)
				if e.Code != tasks.TokenRefused || e.RetryAfter <= 0 || e.RetryAfter > 30*time.Second {
					t.Fatalf("got code %s, RetryAfter %v: %v", e.Code, e.RetryAfter, e)
				}
				now.Advance(time.Second)
			}
			times := fetchTimes(srv)
			if len(times) < 15 || len(times) > 21 {
				t.Errorf("ten minutes of refusals fetched %d tokens, want the first and at most 20 more", len(times))
			}
			for i := 2; i < len(times); i++ {
				if d := times[i].Sub(times[i-1]); d < 30*time.Second {
					t.Errorf("fetches %d and %d are %v apart", i-1, i, d)
				}
			}
		})
	}
}

// A clock that was an hour ahead when a refusal caused a fetch does not forbid fetches for that hour.
func TestAClockThatWasAheadForbidsNoFetch(t *testing.T) {
	t.Parallel()
	now := newClock()
	srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	srv.Rate(wechattest.Fault{Errcode: 40001, Path: "media/upload"}, 1)
	store := wechat.NewMemoryTokens()
	ahead := newClient(t, config(srv.URL, func() time.Time { return now.Now().Add(time.Hour) }), account(), store)
	_, err := upload(t, ahead)
	wantCode(t, err, tasks.TokenRefused, 40001)
	before := len(fetchTimes(srv))

	right := newClient(t, config(srv.URL, now.Now), account(), store)
	_, err = upload(t, right)
	wantCode(t, err, tasks.TokenRefused, 40001)
	if n := len(fetchTimes(srv)); n == before {
		t.Errorf("no token was fetched: %v", err)
	}
}

// stubborn is a WeChat that refuses a token and yet hands it out again, unless it is forced to make another.
type stubborn struct {
	mu     sync.Mutex
	forced []time.Time
	now    func() time.Time
	useful bool // a forced token is accepted
}

func (s *stubborn) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != "/cgi-bin/stable_token" {
		if s.useful && r.URL.Query().Get("access_token") == fmt.Sprint("T", len(s.forced)) && len(s.forced) > 0 {
			fmt.Fprint(w, success)
			return
		}
		fmt.Fprint(w, `{"errcode":40001,"errmsg":"invalid credential rid: 6242d22c-258e8eb8-0dc4dadd"}`)
		return
	}
	var body struct {
		Force bool `json:"force_refresh"`
	}
	if json.NewDecoder(r.Body).Decode(&body) == nil && body.Force {
		s.forced = append(s.forced, s.now())
	}
	fmt.Fprintf(w, `{"access_token":"T%d","expires_in":7200}`, len(s.forced))
}

func TestForcedRefreshIsTheLastResort(t *testing.T) {
	t.Parallel()
	now := newClock()
	odd := &stubborn{now: now.Now, useful: true}
	srv := serveAll(t, odd.serve)
	c := newClient(t, config(srv.URL, now.Now), account(), nil)

	_, err := upload(t, c)
	wantCode(t, err, tasks.TokenRefused, 40001)
	e := tasks.AsError(err)
	wantText(t, err, "the one that was fetched then is the same")
	if e.RID == "" || e.RetryAfter != 30*time.Second || len(odd.forced) != 0 {
		t.Errorf("got rid %q, RetryAfter %v after %d forced refreshes", e.RID, e.RetryAfter, len(odd.forced))
	}
	now.Advance(10 * time.Second)
	_, err = upload(t, c)
	wantCode(t, err, tasks.TokenRefused, 40001)
	if d := tasks.AsError(err).RetryAfter; d != 20*time.Second || len(odd.forced) != 0 {
		t.Errorf("10 s later: got RetryAfter %v after %d forced refreshes", d, len(odd.forced))
	}
	now.Advance(21 * time.Second)
	if _, err := upload(t, c); err != nil || len(odd.forced) != 1 {
		t.Errorf("31 s later: got %v after %d forced refreshes, want success after one", err, len(odd.forced))
	}
}

func TestForcedRefreshesAreFew(t *testing.T) {
	t.Parallel()
	now := newClock()
	odd := &stubborn{now: now.Now}
	srv := serveAll(t, odd.serve)
	c := newClient(t, config(srv.URL, now.Now), account(), nil)
	for range 4000 { // 33 hours
		_, err := upload(t, c)
		if code := tasks.CodeOf(err); code != tasks.TokenRefused {
			t.Fatalf("got %s: %v", code, err)
		}
		now.Advance(30 * time.Second)
	}
	days := map[string]int{}
	for i, at := range odd.forced {
		days[at.Add(8*time.Hour).Format("2006-01-02")]++
		if i > 0 && at.Sub(odd.forced[i-1]) < 30*time.Second {
			t.Errorf("two forced refreshes are %v apart", at.Sub(odd.forced[i-1]))
		}
	}
	if len(days) < 2 {
		t.Errorf("forced refreshes by day: %v, want some on each of two days", days)
	}
	for day, n := range days {
		if n > 10 {
			t.Errorf("%d forced refreshes on %s, WeChat allows 20 for everybody", n, day)
		}
	}
}

// A refusal that WeChat takes back (it handed out the same token again) must not keep other uploads waiting.
func TestTokenThatWeChatStaysWithIsUsedOn(t *testing.T) {
	t.Parallel()
	now := newClock()
	srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	c := newClient(t, config(srv.URL, now.Now), account(), nil)
	srv.Script(wechattest.Fault{Errcode: 40001, Path: "media/upload", Times: 2})
	for range 2 {
		_, err := upload(t, c)
		wantCode(t, err, tasks.TokenRefused, 40001)
	}
	if _, err := upload(t, c); err != nil {
		t.Error(err)
	}
	if n := srv.Count("stable_token"); n != 2 {
		t.Errorf("fetched %d tokens, want 2", n)
	}
}

// slowStore holds one Load up between reading and answering, and tells when a token was refused.
type slowStore struct {
	wechat.TokenStore
	armed                    atomic.Bool
	loaded, release, refused chan struct{}
	once                     sync.Once
}

func (s *slowStore) Load(ctx context.Context, account string) (wechat.Token, error) {
	t, err := s.TokenStore.Load(ctx, account)
	if s.armed.CompareAndSwap(true, false) {
		close(s.loaded)
		<-s.release
	}
	return t, err
}

func (s *slowStore) Refuse(ctx context.Context, account string, value tasks.Secret) error {
	err := s.TokenStore.Refuse(ctx, account, value)
	s.once.Do(func() { close(s.refused) })
	return err
}

// A look into the store that began before a refusal must not bring the refused token back into use.
func TestRefusalSurvivesALookThatBeganBefore(t *testing.T) {
	t.Parallel()
	now := newClock()
	srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	store := &slowStore{TokenStore: wechat.NewMemoryTokens(), loaded: make(chan struct{}), release: make(chan struct{}), refused: make(chan struct{})}
	c := newClient(t, config(srv.URL, now.Now), account(), store)
	if _, err := upload(t, c); err != nil {
		t.Fatal(err)
	}
	now.Advance(2 * time.Minute) // the copy is old: the next caller looks into the store
	srv.Revoke(wechattest.DefaultAppID)
	store.armed.Store(true)
	errs := make(chan error, 2)
	begin := func() {
		go func() {
			_, err := c.Upload(t.Context(), "main", payload())
			errs <- err
		}()
	}
	begin()
	<-store.loaded
	begin() // meets the refusal with its copy
	<-store.refused
	close(store.release)
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := srv.Count("stable_token"); n != 2 {
		t.Errorf("fetched %d tokens, want 2", n)
	}
}

func TestSecondCallIsSpent(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	spent := 0
	p := payload()
	p.Spend = func(context.Context) error {
		if n := srv.Count("media/upload"); n != spent {
			t.Errorf("asked %d times before upload call %d, want once before each", spent+1, n+1)
		}
		spent++
		return nil
	}
	if _, err := c.Upload(t.Context(), "main", p); err != nil || spent != 1 {
		t.Fatalf("got %v, spent %d, want success and 1", err, spent)
	}
	srv.Revoke(wechattest.DefaultAppID)
	if _, err := c.Upload(t.Context(), "main", p); err != nil || spent != 3 {
		t.Fatalf("got %v, spent %d, want success and 3", err, spent)
	}
}

func TestRefusedSpendEndsTheUpload(t *testing.T) {
	t.Parallel()
	now := newClock()
	srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	c := newClient(t, config(srv.URL, now.Now), account(), nil)
	if _, err := upload(t, c); err != nil {
		t.Fatal(err)
	}
	srv.Revoke(wechattest.DefaultAppID)
	p := payload()
	no := &tasks.Error{Code: tasks.DailyLimit, Op: "spend"}
	asked := 0
	p.Spend = func(context.Context) error {
		if asked++; asked == 1 {
			return nil
		}
		return no
	}
	if _, err := c.Upload(t.Context(), "main", p); !errors.Is(err, no) {
		t.Errorf("got %v, want what Spend returned", err)
	}
	if n := srv.Count("media/upload"); n != 2 {
		t.Errorf("made %d upload calls, want 2", n)
	}
}

func TestOneCallerGivingUpLeavesTheFetchToTheOthers(t *testing.T) {
	t.Parallel()
	arrived, answer := make(chan struct{}), make(chan struct{})
	inner := usual(answers(success))
	srv := serveAll(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cgi-bin/stable_token" {
			close(arrived)
			<-answer
		}
		inner(w, r)
	})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp, stayed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := c.Upload(ctx, "main", payload())
		gaveUp <- err
	}()
	<-arrived
	go func() {
		_, err := c.Upload(t.Context(), "main", payload())
		stayed <- err
	}()
	cancel()
	err := <-gaveUp
	wantCode(t, err, tasks.Temporary, 0)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it to wrap context.Canceled", err)
	}
	close(answer)
	if err := <-stayed; err != nil {
		t.Error(err)
	}
}

func TestFailedFetchIsNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	now := newClock()
	srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	srv.Script(wechattest.Fault{Errcode: -1, Path: "stable_token"})
	c := newClient(t, config(srv.URL, now.Now), account(), nil)
	for range 10 {
		_, err := upload(t, c)
		wantCode(t, err, tasks.Temporary, -1)
	}
	if n := srv.Count("stable_token"); n != 1 {
		t.Errorf("10 uploads made %d token calls, want 1", n)
	}
	now.Advance(5 * time.Second)
	if _, err := upload(t, c); err != nil {
		t.Error(err)
	}
}

// The end of a hold is meant to try: a failure that holds the account is not remembered.
func TestMendedAccountIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	now := newClock()
	srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	srv.Script(wechattest.Fault{Errcode: 40164, Path: "stable_token", Errmsg: "invalid ip 203.0.113.9, not in whitelist"})
	c := newClient(t, config(srv.URL, now.Now), account(), nil)
	_, err := upload(t, c)
	wantCode(t, err, tasks.Egress, 40164)
	wantText(t, err, "203.0.113.9") // the operator needs it
	if _, err := upload(t, c); err != nil {
		t.Error(err)
	}
}

func TestFailedRenewalLeavesTheOldTokenInUse(t *testing.T) {
	t.Parallel()
	now := newClock()
	srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	c := newClient(t, config(srv.URL, now.Now), account(), nil)
	if _, err := upload(t, c); err != nil {
		t.Fatal(err)
	}
	now.Advance(117 * time.Minute)
	srv.Script(wechattest.Fault{Kind: wechattest.HTML502, Path: "stable_token"})
	if _, err := upload(t, c); err != nil {
		t.Error(err)
	}
	if n := srv.Count("stable_token"); n != 2 {
		t.Errorf("made %d token calls, want 2", n)
	}
}

func TestWrongSecretHoldsTheAccount(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	for _, source := range []wechat.TokenSource{wechat.StableToken, wechat.PlainToken} {
		a := account()
		a.Source, a.Secret = source, "fedcba9876543210fedcba9876543210"
		_, err := upload(t, newClient(t, config(srv.URL, nil), a, nil))
		wantCode(t, err, tasks.AccountHeld, tasks.AsError(err).Errcode)
		if e := tasks.AsError(err); e.Errcode == 0 || e.RID == "" || e.RetryAfter != 10*time.Minute {
			t.Errorf("%s: got errcode %d, rid %q, RetryAfter %v", source, e.Errcode, e.RID, e.RetryAfter)
		}
	}
}
