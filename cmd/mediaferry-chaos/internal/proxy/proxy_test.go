package proxy

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// echo answers with what it gets, line by line, behind a proxy.
func echo(t *testing.T) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	p, err := New("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends a line and returns what came back.
func ask(t *testing.T, c net.Conn) (string, error) {
	t.Helper()
	end, _ := taskstest.Context(t).Deadline()
	return askUntil(t, c, end)
}

func askUntil(t *testing.T, c net.Conn, end time.Time) (string, error) {
	t.Helper()
	if err := c.SetDeadline(end); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("hello\n")); err != nil {
		return "", err
	}
	return bufio.NewReader(c).ReadString('\n')
}

func TestProxyPasses(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]Mode{"passing": Passing, "lagging": Lagging, "dripping": Dripping} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := echo(t)
			p.Set(mode)
			start := time.Now()
			if got, err := ask(t, dial(t, p)); got != "hello\n" {
				t.Errorf("got %q, %v", got, err)
			}
			if took := time.Since(start); mode == Lagging && took < 2*lag {
				t.Errorf("there and back took %v, less than the lag of %v each way", took, lag)
			}
		})
	}
}

func TestProxyCuts(t *testing.T) {
	t.Parallel()
	p := echo(t)
	c := dial(t, p)
	if _, err := ask(t, c); err != nil {
		t.Fatal(err)
	}
	p.Set(CutOff)
	if got, err := ask(t, c); err == nil {
		t.Errorf("an old connection got %q", got)
	}
	if got, err := ask(t, dial(t, p)); err == nil {
		t.Errorf("a new connection got %q", got)
	}
	p.Set(Passing)
	if _, err := ask(t, dial(t, p)); err != nil {
		t.Errorf("after the cut: %v", err)
	}
}

func TestProxyHalfOpen(t *testing.T) {
	t.Parallel()
	p := echo(t)
	c := dial(t, p)
	p.Set(HalfOpen)
	if got, err := askUntil(t, c, time.Now().Add(100*time.Millisecond)); err == nil {
		t.Errorf("something passed: %q", got)
	}
	p.Set(Passing)
	if got, err := ask(t, c); err != nil || got != "hello\n" {
		t.Errorf("after it: %q, %v", got, err)
	}
}
