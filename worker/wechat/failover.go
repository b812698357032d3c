package wechat

import (
	"log/slog"
	"net/url"
	"sync"
	"time"
)

// hosts chooses among the API's addresses. It uses one as long as that works. When it fails, hosts uses the next one, and
// after a pause it sends single calls to the first again until one of them is answered.
type hosts struct {
	bases []*url.URL
	pause time.Duration
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	current int
	tryAt   time.Time // when the first may be tried again; only meaningful while another one is current
}

// pick returns the address for the next call and its index, for worked or failed.
func (h *hosts) pick() (int, *url.URL) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.current
	if now := h.now(); i != 0 && !now.Before(h.tryAt) {
		h.tryAt = now.Add(h.pause) // this one call tries the first; the others stay where they are
		i = 0
	}
	return i, h.bases[i]
}

// worked records that an address answered. If it is the first one, that becomes current again.
func (h *hosts) worked(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i == 0 && h.current != 0 {
		h.current = 0
		h.log.Info("wechat address is back", "host", h.bases[0].Host)
	}
}

// failed records that an address could not be reached or answered with 5xx. It ignores failures of an address that is no
// longer current.
func (h *hosts) failed(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i != h.current || len(h.bases) == 1 {
		return
	}
	h.current = (i + 1) % len(h.bases)
	h.tryAt = h.now().Add(h.pause)
	h.log.Warn("wechat address left", "host", h.bases[i].Host, "next", h.bases[h.current].Host)
}
