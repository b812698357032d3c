package console_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// Forms that are sent slowly take up what one key may ask for at once, and nothing of another key's.
func TestOneKeyAsksForFewThingsAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	greedy, other := p.signedIn(shop), p.signedIn(boss)
	begin := func() {
		body, send := io.Pipe()
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.url+"/new", body)
		must(t, err)
		req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		go func() {
			if res, err := greedy.client.Do(req); err == nil {
				res.Body.Close()
			}
			_ = body.Close()
		}()
		_, _ = io.Copy(send, strings.NewReader("--b\r\n")) // and no more for now; a form that is refused is not read
		t.Cleanup(func() { _ = send.Close() })
	}
	taskstest.Until(t, "the key is refused", func() bool {
		begin()
		res, _ := greedy.get("/uploads")
		return res.StatusCode == http.StatusTooManyRequests
	})
	if res, _ := other.get("/uploads"); res.StatusCode != http.StatusOK {
		t.Errorf("another key: %d", res.StatusCode)
	}
}
