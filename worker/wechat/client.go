package wechat

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Client calls WeChat for a set of accounts. It is safe for concurrent use.
type Client struct {
	cfg      Config
	hosts    *hosts
	http     *http.Client // to WeChat
	direct   *http.Client // to the users' own token servers: no egress proxy
	store    TokenStore
	proxy    []tasks.Secret // what the egress proxy is told, which must not come back in an error
	names    []string       // of the accounts, in the order given to New
	mu       sync.RWMutex   // guards accounts
	accounts map[string]*account
}

// account is one official account with its token keeper.
type account struct {
	name    string
	known   tasks.Account
	secrets []tasks.Secret // that must not come back in an error
	tokens  keeper
}

// New checks the settings and returns a client. It makes no call. It returns one Invalid error that lists
// everything that is wrong. A nil store keeps tokens in memory.
func New(cfg Config, accounts []Account, store TokenStore) (*Client, error) {
	var bad problems
	cfg = cfg.filled()
	bases := cfg.check(&bad)
	c := &Client{cfg: cfg, accounts: map[string]*account{}}
	c.http = newHTTP(cfg.Proxy, cfg.ConnectTimeout, cfg.MaxConns)
	c.direct = newHTTP(nil, cfg.ConnectTimeout, 2)
	if cfg.Proxy != nil && cfg.Proxy.User != nil {
		password, _ := cfg.Proxy.User.Password()
		c.proxy = []tasks.Secret{tasks.Secret(cfg.Proxy.User.Username() + ":" + password), tasks.Secret(password)}
	}
	c.hosts = &hosts{bases: bases, pause: cfg.HostPause, now: cfg.Now, log: cfg.Log}
	if store == nil {
		store = NewMemoryTokens()
	}
	c.store = store
	names := map[string]bool{}
	for _, a := range accounts {
		if a.Source == "" {
			a.Source = StableToken
		}
		a.check(&bad)
		if names[a.Name] {
			bad.add("account %q: the name is used twice", clip(a.Name, tasks.MaxName))
		}
		names[a.Name] = true
		if len(bad) == 0 {
			c.names = append(c.names, a.Name)
			c.accounts[a.Name] = c.newAccount(a)
		}
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Update takes over accounts whose credentials have changed, and returns their names. Calls under way end with the
// credentials that they began with. It ignores accounts that New was not given, and returns Invalid as New does.
func (c *Client) Update(accounts []Account) (changed []string, err error) {
	var bad problems
	fresh := map[string]*account{}
	for _, a := range accounts {
		if a.Source == "" {
			a.Source = StableToken
		}
		if a.check(&bad); len(bad) > 0 {
			continue
		}
		old, err := c.account(a.Name)
		if w := c.newAccount(a); err == nil && w.known.Fingerprint != old.known.Fingerprint {
			fresh[a.Name] = w
		}
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(c.accounts, fresh)
	return slices.Sorted(maps.Keys(fresh)), nil
}

func (c *Client) newAccount(a Account) *account {
	realm := strings.ToLower(c.hosts.bases[0].Host)
	key := realm + "/" + a.AppID
	if a.AppID == "" {
		key = realm + "//" + a.Name
	}
	w := &account{
		name:    a.Name,
		known:   tasks.Account{Name: a.Name, Realm: realm, AppID: a.AppID, Fingerprint: fingerprint(realm, a), ResetZone: a.ResetZone},
		secrets: append([]tasks.Secret{a.Secret, a.Static}, c.proxy...),
		tokens:  static{a.Static},
	}
	if a.Source != StaticToken {
		w.tokens = &shared{
			key: key + "/" + string(a.Source), kind: a.Source, source: c.newSource(a), store: c.store,
			now: c.cfg.Now, zone: a.ResetZone, log: c.cfg.Log.With("account", a.Name),
		}
	}
	return w
}

// Accounts returns the accounts for the ledger, in the order given to New.
func (c *Client) Accounts() []tasks.Account {
	var known []tasks.Account
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, name := range c.names {
		known = append(known, c.accounts[name].known)
	}
	return known
}

// account returns NoWork for a name that New was not given.
func (c *Client) account(name string) (*account, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if a := c.accounts[name]; a != nil {
		return a, nil
	}
	return nil, &tasks.Error{Code: tasks.NoWork, Op: "find account", Err: tasks.Textf("no account %q is set up here", clip(name, tasks.MaxName))}
}

// Upload uploads one file to an account and returns its media. The caller must check that the account's limits allow the
// call.
//
// Every error is a *tasks.Error. If WeChat refuses the token, Upload fetches another one and calls once more; it calls
// p.Spend before each call. If that call is refused too, the code is TokenRefused, and RetryAfter says when a new token may
// be fetched. With MinuteLimit, DailyLimit and AccountHeld, RetryAfter says how long to leave the account alone. When ctx
// ends, the code is Temporary and the error wraps ctx.Err(). NoWork means that the account is not known here.
func (c *Client) Upload(ctx context.Context, account string, p tasks.Payload) (tasks.Media, error) {
	a, err := c.account(account)
	if err != nil {
		return tasks.Media{}, err
	}
	f, err := newForm(p)
	if err != nil {
		return tasks.Media{}, c.noted(a, err)
	}
	var media tasks.Media
	err = c.withToken(ctx, a, func(t Token) error {
		if p.Spend != nil {
			if err := p.Spend(ctx); err != nil {
				return err
			}
		}
		media, err = c.post(ctx, a, t, p, f)
		return err
	})
	return media, c.noted(a, err)
}

// post makes one upload call.
func (c *Client) post(ctx context.Context, a *account, t Token, p tasks.Payload, f form) (tasks.Media, error) {
	q := request{
		op: "upload media", method: http.MethodPost, path: "/cgi-bin/media/upload",
		query:       url.Values{"access_token": {t.Value.Reveal()}, "type": {string(p.Type)}},
		contentType: f.contentType, body: f.body, held: p.Held,
		zone: a.known.ResetZone, secrets: a.hide(t),
	}
	began := time.Now()
	o, err := c.call(ctx, APIUpload, q)
	c.cfg.Passed(tasks.StageUpload, time.Since(began))
	if err != nil {
		return tasks.Media{}, err
	}
	m, err := o.media(c.cfg.Now())
	if err != nil {
		return tasks.Media{}, &tasks.Error{Code: tasks.Temporary, Op: q.op, Err: err}
	}
	return m, nil
}

// call makes one call and judges its answer.
func (c *Client) call(ctx context.Context, api API, q request) (object, error) {
	r, err := c.exchange(ctx, q)
	if err != nil {
		return nil, err
	}
	return c.judge(api, q, r)
}

// withToken runs do with the account's token. If that is refused, it runs do once more with another token, after spend
// agreed (nil: calls are not counted).
func (c *Client) withToken(ctx context.Context, a *account, do func(Token) error) error {
	began := time.Now()
	t, err := a.tokens.get(ctx)
	c.cfg.Passed(tasks.StageToken, time.Since(began))
	if err != nil {
		return err
	}
	refused := do(t)
	if tasks.CodeOf(refused) != tasks.TokenRefused {
		return refused
	}
	began = time.Now()
	t, err = a.tokens.renew(ctx, t)
	c.cfg.Passed(tasks.StageToken, time.Since(began))
	if err != nil {
		return because(refused, err)
	}
	err = do(t)
	if e, ok := errors.AsType[*tasks.Error](err); ok && e.Code == tasks.TokenRefused {
		e.RetryAfter = a.tokens.refuse(ctx, t)
	}
	return err
}

// because returns why a refused token was not replaced, with the errcode and the rid of the refusal. It returns err itself if
// that has an errcode, or is not about the token.
func because(refused, err error) error {
	r, e := tasks.AsError(refused), tasks.AsError(err)
	if e.Errcode != 0 || e.Code != tasks.TokenRefused && e.Code != tasks.AccountHeld {
		return err
	}
	merged := *e
	merged.Op, merged.Errcode, merged.RID = r.Op, r.Errcode, r.RID
	merged.Err = tasks.Textf("%w; %w", r.Err, e.Err)
	return &merged
}

// noted logs err if it is a defect of ours, and returns it.
func (c *Client) noted(a *account, err error) error {
	if e, ok := errors.AsType[*tasks.Error](err); ok && e.Code == tasks.Defect {
		c.cfg.Log.Error("wechat refuses our form: please report this", "account", a.name, "errcode", e.Errcode, "rid", e.RID, "err", err)
	}
	return err
}

// hide lists the secrets that must not appear in an error of a call with t.
func (a *account) hide(t Token) []tasks.Secret { return append([]tasks.Secret{t.Value}, a.secrets...) }
