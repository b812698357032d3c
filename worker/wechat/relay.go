package wechat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Bounds of a call that is passed on, in bytes. WeChat's largest files have 10 MB.
const (
	maxKept    = 1 << 20  // of a body that is kept, so that it can be sent again
	maxPassed  = 20 << 20 // of any body
	maxBrought = 32 << 20 // of an answer
)

const opRelay = "pass on to WeChat"

// Relay makes another program's call in the name of an account. It sends r's method, path, query, body, Accept and
// Content-Type, with the account's token as access_token, and no other header of r. The caller decides whether that program
// may make the call. It reads the answer while it comes and closes it.
//
// If WeChat refuses the token, Relay fetches another one and sends a body of up to 1 MiB once more. A larger body is not
// sent again. Of the answer it returns the status, the body and the headers that describe the body. An answer that
// holds a secret of the account ends with an error.
//
// Every error is a *tasks.Error: TokenRefused for a token that was refused to the end, TooLarge for a body over 20 MiB, Invalid
// for one whose length is not known and over 1 MiB, and otherwise those of Upload.
func (c *Client) Relay(ctx context.Context, account string, r *http.Request) (*http.Response, error) {
	a, err := c.account(account)
	if err != nil {
		return nil, err
	}
	p, err := newPassage(r)
	if err != nil {
		return nil, err
	}
	var res *http.Response
	pass := func(t Token) error {
		res, err = c.pass(ctx, a, t, p) //nolint:bodyclose // the caller of Relay closes it
		return err
	}
	if p.stream == nil {
		err = c.withToken(ctx, a, pass)
	} else {
		err = c.withTokenOnce(ctx, a, pass)
	}
	if err != nil {
		return nil, err
	}
	return res, nil
}

// withTokenOnce is withToken for what can't be done a second time.
func (c *Client) withTokenOnce(ctx context.Context, a *account, do func(Token) error) error {
	t, err := a.tokens.get(ctx)
	if err != nil {
		return err
	}
	err = do(t)
	if e, ok := errors.AsType[*tasks.Error](err); ok && e.Code == tasks.TokenRefused {
		e.RetryAfter = a.tokens.refuse(ctx, t)
	}
	return err
}

// passage is a call that is passed on.
type passage struct {
	method, path        string
	query               url.Values
	contentType, accept string
	size                int64
	body                []byte    // nil: none, or a stream
	stream              io.Reader // a body that can't be read again; nil: none
}

func newPassage(r *http.Request) (passage, error) {
	p := passage{
		method: r.Method, path: r.URL.Path, query: r.URL.Query(), size: r.ContentLength,
		contentType: r.Header.Get("Content-Type"), accept: r.Header.Get("Accept"),
	}
	switch {
	case p.method != http.MethodGet && p.method != http.MethodPost:
		return p, notPassed(tasks.Invalid, tasks.Textf("WeChat takes GET and POST"))
	case p.size > maxPassed:
		return p, notPassed(tasks.TooLarge, tasks.Textf("the body has over %d MiB", maxPassed>>20))
	case p.size > maxKept:
		p.stream = io.LimitReader(r.Body, p.size)
		return p, nil
	case p.size == 0 || r.Body == nil || r.Body == http.NoBody:
		p.size = 0
		return p, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxKept+1))
	switch {
	case err != nil:
		return p, notPassed(tasks.Invalid, plain(err))
	case len(body) > maxKept:
		return p, notPassed(tasks.Invalid, tasks.Textf("a body of over %d MiB needs a Content-Length", maxKept>>20))
	}
	p.size, p.body = int64(len(body)), body
	return p, nil
}

func notPassed(code tasks.Code, err error) error {
	return &tasks.Error{Code: code, Op: opRelay, Err: err}
}

// pass makes the call with one token. A token that WeChat refuses is an error, any other errcode is an answer.
func (c *Client) pass(ctx context.Context, a *account, t Token, p passage) (*http.Response, error) {
	query := url.Values{}
	for name, values := range p.query {
		query[name] = values
	}
	query.Set("access_token", t.Value.Reveal())
	q := request{
		op: opRelay, method: p.method, path: p.path, query: query,
		contentType: p.contentType, body: p.body, zone: a.known.ResetZone, secrets: a.hide(t),
	}
	var res *http.Response
	err := c.eachHost(ctx, q.op, func(base *url.URL) (status int, sent bool, err error) {
		res, sent, err = c.begin(ctx, base, q, p) //nolint:bodyclose // the caller of Relay closes it
		if err != nil {
			return 0, sent, err
		}
		return res.StatusCode, sent, nil
	})
	if err != nil {
		return nil, err
	}
	if err := c.vet(q, res); err != nil {
		res.Body.Close()
		return nil, err
	}
	return res, nil
}

var errSlow = tasks.Textf("WeChat took too long")

// begin sends the call to one address and returns as soon as the answer begins. Closing the answer's body ends the call.
func (c *Client) begin(ctx context.Context, base *url.URL, q request, p passage) (res *http.Response, sent bool, err error) {
	timed, cancel := context.WithCancelCause(ctx)
	clock := time.AfterFunc(c.timeFor(p.size), func() { cancel(errSlow) })
	end := func() { clock.Stop(); cancel(nil) }
	var connected atomic.Bool
	traced := httptrace.WithClientTrace(timed, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	req, err := q.make(traced, base)
	if err == nil {
		if p.accept != "" {
			req.Header.Set("Accept", p.accept)
		}
		if p.stream != nil {
			req.Body, req.ContentLength = io.NopCloser(p.stream), p.size
			req.Header.Set("Content-Type", p.contentType)
		}
		res, err = c.http.Do(req)
	}
	if err != nil {
		defer end()
		switch {
		case ctx.Err() != nil:
			err = ended(ctx)
		case timed.Err() != nil:
			err = errSlow
		default:
			err = plain(err, q.secrets...)
		}
		return nil, connected.Load(), err
	}
	clock.Reset(c.timeFor(maxBrought))
	res.Body = &brought{from: res.Body, end: end}
	return res, true, nil
}

// brought is an answer's body that ends its call when it is closed.
type brought struct {
	from io.ReadCloser
	end  func()
}

func (b *brought) Read(p []byte) (int, error) { return b.from.Read(p) }

func (b *brought) Close() error {
	defer b.end()
	return b.from.Close()
}

var (
	errEcho     = tasks.Textf("the answer holds a secret of the account")
	errRedirect = tasks.Textf("the answer is a redirect, which is not followed")
)

// shortest is the length of the secrets that an answer is searched for: a few characters are in many texts.
const shortest = 8

// vet leaves of an answer what may be shown to another program, or returns why none of it may be.
func (c *Client) vet(q request, res *http.Response) error {
	secrets := slices.DeleteFunc(slices.Clone(q.secrets), func(s tasks.Secret) bool { return len(s.Reveal()) < shortest })
	refuse := func(err error) error { return &tasks.Error{Code: tasks.Temporary, Op: q.op, Err: err} }
	header := http.Header{}
	for _, name := range []string{"Content-Type", "Content-Disposition"} {
		if v := res.Header.Get(name); v != "" {
			header.Set(name, v)
			if tasks.Hide(v, secrets...) != v {
				return refuse(errEcho)
			}
		}
	}
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return refuse(errRedirect)
	case res.ContentLength > maxBrought:
		return refuse(errTooLong)
	}
	res.Header, res.Trailer = header, nil
	head := make([]byte, maxAnswer)
	n, err := io.ReadFull(res.Body, head)
	head = head[:n]
	whole := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && (res.ContentLength < 0 || int64(n) == res.ContentLength)
	if err != nil && !whole {
		return refuse(plain(fmt.Errorf("read answer: %w", err), q.secrets...))
	}
	if text := string(head); tasks.Hide(text, secrets...) != text {
		return refuse(errEcho)
	}
	if o, isJSON := parse(head); whole && isJSON {
		if errcode, ok := o.errcode(); ok && c.row(APIUpload, errcode).Code == tasks.TokenRefused {
			return c.refusal(APIUpload, q, errcode, o.text("errmsg"))
		}
	}
	res.Body = &sifted{ReadCloser: res.Body, next: io.MultiReader(bytes.NewReader(head), res.Body), left: maxBrought, secrets: secrets}
	return nil
}
