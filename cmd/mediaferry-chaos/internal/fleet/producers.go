package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/producer"
)

func producerName(n int) string { return fmt.Sprintf("producer-%d", n) }

// StartProducers starts the producers over the Go package, then those over HTTP.
func (f *Fleet) StartProducers(ctx context.Context, start time.Time) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	for i := range f.Run.AllProducers() {
		name := producerName(i)
		c := producer.Config{
			Run: f.Run, Number: i, Name: name, Ledger: f.url, Root: f.root, Journal: f.path(name + ".journal"), Clock: f.path(name + ".clock"), Callbacks: f.callbacks,
			Start: start, Deadline: start.Add(f.Run.Duration),
		}
		if i >= f.Run.Producers {
			c.URLs, c.Key = f.urls, f.keys[i]
		}
		b, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.path(name+".json"), b, 0o600); err != nil {
			return err
		}
		p, err := f.child(name, nil, self, "producer", f.path(name+".json"))
		if err != nil {
			return err
		}
		f.Producers = append(f.Producers, p)
		f.run(ctx, p)
	}
	return nil
}

// submitted reports whether every producer has submitted everything.
func (f *Fleet) submitted() bool {
	for _, p := range f.Producers {
		if !p.Finished() {
			return false
		}
	}
	return true
}
