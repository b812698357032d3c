package wechattest_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTLS(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewTLSServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// Close breaks off what is under way, so that no test hangs on a slow answer.
func TestCloseDoesNotWaitForSlowAnswers(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	srv.Script(wechattest.Fault{Delay: time.Hour})
	conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(get("/cgi-bin/token"))); err != nil {
		t.Fatal(err)
	}
	for srv.Pending() > 0 { // until the call has arrived
		conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	srv.Close()
	if r := readReply(t, conn); r.status != 0 {
		t.Errorf("answered %+v", r)
	}
	srv.Close()
	if _, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://")); err == nil {
		t.Error("it still listens")
	}
}

// slowJournal holds up a call until its server has stopped listening, and then a little longer.
type slowJournal struct {
	addr    string
	entered chan struct{}
	done    atomic.Bool
}

func (j *slowJournal) Write(b []byte) (int, error) {
	close(j.entered)
	for {
		conn, err := net.Dial("tcp", j.addr)
		if err != nil {
			break
		}
		conn.Close()
	}
	for range 1000 {
		runtime.Gosched()
	}
	j.done.Store(true)
	return len(b), nil
}

func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	j := &slowJournal{entered: make(chan struct{})}
	srv := wechattest.NewServer(t, wechattest.Config{Journal: j})
	j.addr = strings.TrimPrefix(srv.URL, "http://")
	conn, err := net.Dial("tcp", j.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(get("/cgi-bin/token"))); err != nil {
		t.Fatal(err)
	}
	<-j.entered
	srv.Close()
	if !j.done.Load() {
		t.Error("a call was still under way after Close")
	}
}
