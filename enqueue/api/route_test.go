package api_test

import (
	"net/http"
	"testing"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// A path that exists is answered 405 to other methods, with those that it has. What is behind a key says so to its holders alone.
func TestWrongMethod(t *testing.T) {
	t.Parallel()
	p := newPlant(t, func(c *api.Config) {
		c.Open = map[string]http.Handler{"GET /healthz": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	})
	for _, c := range []struct {
		key, method, path string
		status            int
		allow             string
	}{
		{shop, "DELETE", "/v1/uploads", 405, "GET, HEAD, POST"},
		{shop, "PUT", "/v1/batches/0/cancel", 405, "POST"},
		{shop, "POST", "/openapi.json", 405, "GET, HEAD"},
		{"", "POST", "/healthz", 405, "GET, HEAD"},
		{shop, "OPTIONS", "/v1/uploads", 405, "GET, HEAD, POST"},
		{shop, "GET", "/v1/nothing", 404, ""},
		{shop, "DELETE", "/v1/nothing", 404, ""},
		{"", "DELETE", "/v1/uploads", 401, ""},
	} {
		r := p.call(c.key, c.method, c.path, "")
		if r.status != c.status || r.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q, want %d, %q", c.method, c.path, r.status, r.header.Get("Allow"), c.status, c.allow)
		}
		if c.status != 401 {
			p.refused(r, c.status, tasks.NotFound, "there is no "+c.method+" "+c.path)
		}
	}
}

// The document is for everybody only where the settings say so.
func TestOpenDocument(t *testing.T) {
	t.Parallel()
	for open, want := range map[bool]int{false: 401, true: 200} {
		p := newPlant(t, func(c *api.Config) { c.OpenAPI = open })
		if r := p.call("", "GET", "/openapi.json", ""); r.status != want {
			t.Errorf("open: %v: %d, want %d", open, r.status, want)
		}
		if r := p.call("", "GET", "/v1/uploads", ""); r.status != 401 {
			t.Errorf("open: %v: /v1/uploads is answered %d", open, r.status)
		}
	}
}
