package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// pipes is a listener whose connections are pipes, so that their time is the bubble's.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { close(l.closed); return nil }
func (l *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (l *pipes) dial() net.Conn {
	here, there := net.Pipe()
	l.conns <- there
	return here
}

// Who sends a body slowly holds its connection for half a minute, whatever the route, and is told why.
func TestSlowBodies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, request := range map[string]string{
		"one":       "POST /v1/uploads HTTP/1.1\r\nContent-Type: application/json\r\n",
		"unwanted":  "GET /v1/uploads/x HTTP/1.1\r\n",
		"an array":  "POST /v1/batches HTTP/1.1\r\nContent-Type: application/json\r\n",
		"a form":    "POST /v1/files HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\n",
		"token":     "POST /cgi-bin/stable_token HTTP/1.1\r\n",
		"no key":    "POST /v1/uploads HTTP/1.1\r\nAuthorization: none\r\n",
		"no route":  "POST /nowhere HTTP/1.1\r\n",
		"metrics":   "GET /metrics HTTP/1.1\r\n",
		"cancel":    "POST /v1/uploads/x/cancel HTTP/1.1\r\n",
		"a drop-in": "POST /cgi-bin/media/upload?type=image&access_token=x HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			inbox, err := api.OpenInbox(api.InboxConfig{Dir: dir})
			must(t, err)
			door, err := api.New(api.Config{Ledger: struct{ api.Ledger }{}, Keys: &enqueue.Keyring{Fixed: []tasks.Key{key("shop", shop, tasks.RoleProducer)}}, Inbox: inbox})
			must(t, err)
			l := &pipes{make(chan net.Conn), make(chan struct{})}
			srv := &http.Server{Handler: door, ReadHeaderTimeout: 10 * time.Second}
			served := make(chan error)
			go func() { served <- srv.Serve(l) }()
			conn := l.dial()
			started := time.Now()
			_, err = fmt.Fprintf(conn, "%sHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000000\r\n\r\n--B\r\n", request, shop)
			must(t, err)
			answer := bufio.NewReader(conn)
			res, err := http.ReadResponse(answer, nil)
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			if err == nil { // the connection is not kept: the rest of the body might come as the next request
				_, err = answer.ReadByte()
			}
			if took := time.Since(started); took > 31*time.Second {
				t.Errorf("%s: the connection was held for %v (%v)", name, took, err)
			}
			if name == "one" {
				if res == nil || res.StatusCode != http.StatusRequestTimeout {
					t.Errorf("%s is answered %v", name, res)
				}
			}
			conn.Close()
			must(t, srv.Close())
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
	}
}

// memory is a ledger that takes any row.
type memory struct {
	api.Ledger
	rows int
}

func (m *memory) OpenBatch(_ context.Context, b tasks.Batch) (tasks.Batch, bool, error) {
	b.ID = uuid.New()
	return b, true, nil
}

func (m *memory) Submit(_ context.Context, s tasks.Submission) (tasks.Accepted, error) {
	m.rows += len(s.Rows)
	a := tasks.Accepted{Receipts: make([]tasks.Receipt, len(s.Rows))}
	for i := range a.Receipts {
		a.Receipts[i].Created = true
	}
	return a, nil
}

func (m *memory) Seal(context.Context, uuid.UUID, bool) error { return nil }

// A stream may last as long as it makes progress, and so may one that is held to a rate.
func TestLongStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const rows = 20
		m := &memory{}
		k := key("shop", shop, tasks.RoleProducer)
		k.RatePerMinute = 1
		door, err := api.New(api.Config{Ledger: m, Keys: &enqueue.Keyring{Fixed: []tasks.Key{k}}})
		must(t, err)
		l := &pipes{make(chan net.Conn), make(chan struct{})}
		srv := &http.Server{Handler: door}
		served := make(chan error)
		go func() { served <- srv.Serve(l) }()
		conn := l.dial()
		started := time.Now()
		go func() {
			fmt.Fprintf(conn, "POST /v1/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n",
				shop, rows*(len(one)+1))
			for range rows {
				time.Sleep(25 * time.Second) // the bubble's time
				fmt.Fprintln(conn, one)
			}
		}()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		body, err := io.ReadAll(res.Body)
		must(t, err)
		if took := time.Since(started); res.StatusCode != http.StatusAccepted || m.rows != rows || took < 19*time.Minute {
			t.Errorf("after %v it is answered %s %s, with %d rows", took, res.Status, body, m.rows)
		}
		conn.Close()
		must(t, srv.Close())
		<-served //nolint:errcheck // it was closed
	})
}

// slow is a ledger whose one upload gets its outcome after some time.
type slow struct {
	memory
	until time.Time
}

func (s *slow) AskedMedia(context.Context, string, string, time.Duration) (tasks.AskedMedia, error) {
	return tasks.AskedMedia{}, &tasks.Error{Code: tasks.NotFound}
}

func (s *slow) Awaited(_ context.Context, ids []uuid.UUID) ([]tasks.Outcome, error) {
	o := tasks.Outcome{ID: ids[0], Producer: "shop", State: tasks.Running}
	if !time.Now().Before(s.until) {
		o.State, o.MediaID = tasks.Succeeded, "M"
	}
	return []tasks.Outcome{o}, nil
}

// A caller that waits for an outcome gets it however long after its body it comes, within the server's own limit.
func TestMediaWaitsLongerThanItsBody(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{7 * time.Second, 32 * time.Second, 59 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			door, err := api.New(api.Config{
				Ledger: &slow{until: time.Now().Add(takes)}, Keys: &enqueue.Keyring{Fixed: []tasks.Key{key("shop", shop, tasks.RoleProducer)}},
			})
			must(t, err)
			l := &pipes{make(chan net.Conn), make(chan struct{})}
			srv := &http.Server{Handler: door}
			served := make(chan error)
			go func() { served <- srv.Serve(l) }()
			conn := l.dial()
			_, err = fmt.Fprintf(conn, "POST /v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
				shop, len(one), one)
			must(t, err)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			must(t, err)
			body, err := io.ReadAll(res.Body)
			must(t, err)
			if res.StatusCode != http.StatusOK {
				t.Errorf("an outcome after %v is answered %s %s", takes, res.Status, body)
			}
			conn.Close()
			must(t, srv.Close())
			<-served //nolint:errcheck // it was closed
		})
	}
}
