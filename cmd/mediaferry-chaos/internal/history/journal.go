package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Journal is a log of entries that outlives its writer. After Write an entry survives the end of the process, after Sync
// the end of the machine. It is safe for concurrent use.
type Journal struct {
	mu   sync.Mutex
	file *os.File
}

// OpenJournal opens a journal to append to it. It ends the last line, which may be torn.
func OpenJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if _, err := f.WriteString("\n"); err != nil {
		return nil, fmt.Errorf("open journal: %w", errors.Join(err, f.Close()))
	}
	return &Journal{file: f}, nil
}

// Write appends entries, with the time of now.
func (j *Journal) Write(es ...Entry) error {
	var b []byte
	for _, e := range es {
		e.At = time.Now()
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("write journal: %w", err)
		}
		b = append(append(b, line...), '\n')
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(b); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

// Sync puts all entries on the disk.
func (j *Journal) Sync() error { return j.file.Sync() }

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }
