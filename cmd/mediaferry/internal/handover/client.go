package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/seal"
)

const (
	connectTime = 5 * time.Second
	answerTime  = 30 * time.Second // until an answer begins: others may be before it
	silence     = 30 * time.Second // in an answer that has begun
	connections = 16               // to one process at once: those beyond wait
	maxSize     = 64 << 20         // of an answer; no file in an inbox has as much
)

// Client asks other processes for the files of their inboxes. Make it with NewClient. It is safe for concurrent use.
type Client struct {
	http   *http.Client
	signer *seal.Signer
}

// NewClient returns a client.
func NewClient(s *seal.Signer) *Client {
	transport := &http.Transport{
		DialContext: (&net.Dialer{Timeout: connectTime}).DialContext, TLSHandshakeTimeout: connectTime, ResponseHeaderTimeout: answerTime,
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, IdleConnTimeout: time.Minute, DisableCompression: true,
	}
	return &Client{&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, s}
}

// Close ends the connections that wait for another request.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Look returns nil if the process at that URL hands out the files of the inbox, and otherwise Storage with the reason.
func (c *Client) Look(ctx context.Context, at, inbox string) error {
	res, err := c.ask(ctx, at, url.Values{queryInbox: {inbox}})
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		return away("%s answers with HTTP %d", at, res.StatusCode)
	}
	return nil
}

// Open asks the process at that URL for a file. It returns Missing if the inbox does not have it, and Storage, which judges
// nothing, for all else.
func (c *Client) Open(ctx context.Context, at, source string) (tasks.File, error) {
	ctx, cancel := context.WithCancel(ctx)
	res, err := c.ask(ctx, at, url.Values{querySource: {source}})
	if err != nil {
		cancel()
		return tasks.File{}, err
	}
	switch {
	case res.StatusCode == http.StatusNotFound:
		err = &tasks.Error{Code: tasks.Missing, Op: op, Err: tasks.Textf("the inbox does not have the file any more"), Hint: "send it again, and submit what the answer calls it"}
	case res.StatusCode != http.StatusOK:
		err = away("%s answers with HTTP %d", at, res.StatusCode)
	case res.ContentLength > maxSize:
		err = away("%s answers with %d bytes", at, res.ContentLength)
	}
	if err != nil {
		res.Body.Close()
		cancel()
		return tasks.File{}, err
	}
	b := &body{from: res.Body, at: at, cancel: cancel}
	b.watch = time.AfterFunc(silence, cancel)
	return tasks.File{ReadCloser: b, Size: res.ContentLength}, nil
}

const op = "fetch file"

// ask makes one request, and returns its answer if a process with the same key gave it.
func (c *Client) ask(ctx context.Context, at string, q url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at+Path+"?"+q.Encode(), nil)
	if err != nil {
		return nil, away("%q is no URL", at)
	}
	nonce := signRequest(req, c.signer)
	res, err := c.http.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, fmt.Errorf("%s: %w", op, cause)
		}
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the name of the file
		}
		return nil, away("%s can't be reached: %w", at, err)
	}
	if answerSigned(res, nonce, c.signer) {
		if res.StatusCode == http.StatusMisdirectedRequest {
			err = away("%s has another inbox", at)
		}
	} else if res.StatusCode == http.StatusForbidden {
		err = away("%s has another token_key", at)
	} else {
		err = away("what answers at %s is no process of this installation", at)
	}
	if err != nil {
		res.Body.Close()
		return nil, err
	}
	return res, nil
}

// away is an error that says nothing about the file.
func away(format string, args ...any) error {
	return &tasks.Error{Code: tasks.Storage, Op: op, Err: tasks.Textf(format, args...), Hint: Hint}
}

// Hint is what an operator can do about an inbox that a worker can't read.
const Hint = "set http.inbox_dir to a folder that serve and its workers share, or http.inbox_url to where the workers reach serve"

// body reads a file from another process, which must not be silent for long.
type body struct {
	from   io.ReadCloser
	at     string
	cancel context.CancelFunc
	watch  *time.Timer
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if n > 0 && err == nil {
		b.watch.Reset(silence)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = away("%s broke off: %w", b.at, err)
	}
	return n, err
}

func (b *body) Close() error {
	b.watch.Stop()
	b.cancel()
	return b.from.Close()
}
