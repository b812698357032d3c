package wire

import (
	"runtime/debug"

	"github.com/mediaferry/mediaferry/config"
)

const (
	// gcPercent lets the heap grow fourfold between collections: buffers are pooled, so that most of what is collected
	// is small and short-lived.
	gcPercent = 400
	// overhead is what the process may use beside the bytes of files; beyond it collections become as frequent as needed.
	overhead = 100 << 20
)

// tune sets the collector for a process that carries files. GOGC and GOMEMLIMIT win.
func tune(c config.Config, environ func(string) (string, bool)) {
	if _, set := environ("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	if _, set := environ("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(int64(c.Worker.Memory) + overhead)
	}
}
