package wechat

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// maxAnswer bounds an answer of the API, in bytes. WeChat's have a few hundred.
const maxAnswer = 64 << 10

// shortTimeout bounds a call that carries no file. It leaves room for another address within fetchTimeout.
const shortTimeout = 15 * time.Second

// request is one HTTP call to whichever address serves.
type request struct {
	op          string
	method      string
	path        string
	query       url.Values
	contentType string
	body        []byte         // nil: no body
	held        func()         // called when something may still read body after the call; may be nil
	limit       int64          // of the answer, in bytes; 0: maxAnswer
	short       bool           // it carries no file: shortTimeout bounds it
	zone        *time.Location // of the account's day; nil: Asia/Shanghai
	secrets     []tasks.Secret // that must not appear in an error
}

// reply is a whole answer, with any status.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// writeBuffer holds the request with a picture of ordinary size, which then goes out in one system call. What is longer is
// sent in pieces, through a buffer that is allocated for each request.
const writeBuffer = 80 << 10

// newHTTP returns a client that keeps its connections. It follows no redirect, since a token must not go to another host, and
// uses no other proxy. connect bounds TLS and TCP each; the context bounds a whole call.
func newHTTP(proxy *url.URL, connect time.Duration, conns int) *http.Client {
	dial := &net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		DialContext:            dial.DialContext,
		TLSHandshakeTimeout:    connect,
		MaxIdleConnsPerHost:    conns,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        writeBuffer,
		DisableCompression:     true, // answers are small, and media must come as they are
	}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// exchange makes one call and reads its answer. Its errors are those of eachHost.
func (c *Client) exchange(ctx context.Context, q request) (r reply, err error) {
	err = c.eachHost(ctx, q.op, func(base *url.URL) (status int, sent bool, err error) {
		r, sent, err = c.once(ctx, base, q)
		return r.status, sent, err
	})
	return r, err
}

// eachHost runs call with the address that serves. If call can't connect to it, eachHost tries the next one at once. After
// anything was sent it does not try another address, since the call may count. Every error is a *tasks.Error: Unreachable
// if nothing was sent to any address, and Temporary otherwise.
func (c *Client) eachHost(ctx context.Context, op string, call func(base *url.URL) (status int, sent bool, err error)) error {
	var failed error
	code := tasks.Unreachable
	for range c.hosts.bases {
		i, base := c.hosts.pick()
		status, sent, err := call(base)
		if err == nil && status < 500 {
			c.hosts.worked(i)
			return nil
		}
		failed = err
		if err != nil && ctx.Err() != nil { // the caller gave up, which says nothing about the address
			code = tasks.Temporary
			break
		}
		c.hosts.failed(i)
		if err == nil {
			return nil
		}
		if sent {
			code = tasks.Temporary
			break
		}
	}
	return &tasks.Error{Code: code, Op: op, Err: failed}
}

// once makes the call to one address. sent reports whether a connection was there to send it on.
func (c *Client) once(ctx context.Context, base *url.URL, q request) (r reply, sent bool, err error) {
	limit := c.timeFor(int64(len(q.body)))
	if q.short {
		limit = min(limit, shortTimeout)
	}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out := newOutgoing()
	req, err := q.make(httptrace.WithClientTrace(timed, out.trace()), base)
	if err != nil {
		return reply{}, false, plain(err, q.secrets...)
	}
	r, err = send(c.http, req, q.limit)
	if q.held != nil && !out.letGo() {
		q.held()
	}
	switch {
	case err == nil:
		return r, true, nil
	case ctx.Err() != nil:
		err = ended(ctx)
	case timed.Err() != nil:
		err = tasks.Textf("no answer within %v", limit.Round(time.Millisecond))
	default:
		err = plain(err, q.secrets...)
	}
	return reply{}, out.connected(), err
}

// timeFor is how long a call may take that carries so many bytes.
func (c *Client) timeFor(bytes int64) time.Duration {
	return c.cfg.BaseTimeout + time.Duration(float64(bytes)/float64(c.cfg.MinRate)*float64(time.Second))
}

func (q request) make(ctx context.Context, base *url.URL) (*http.Request, error) {
	u := *base.JoinPath(q.path)
	u.RawQuery = q.query.Encode()
	var body io.Reader
	if q.body != nil {
		body = bytes.NewReader(q.body) // net/http knows that this one is in memory, and reads it again by itself
	}
	req, err := http.NewRequestWithContext(ctx, q.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "mediaferry")
	if q.body != nil {
		req.Header.Set("Content-Type", q.contentType)
	}
	return req, nil
}

var errTooLong = tasks.Textf("the answer is longer than any that WeChat gives")

// send reads the whole answer, so that the connection serves again.
func send(h *http.Client, req *http.Request, limit int64) (reply, error) {
	if limit == 0 {
		limit = maxAnswer
	}
	res, err := h.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return reply{}, fmt.Errorf("read answer: %w", err)
	}
	if int64(len(body)) > limit {
		return reply{}, errTooLong
	}
	return reply{res.StatusCode, res.Header, body}, nil
}
