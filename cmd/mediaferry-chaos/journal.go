package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// journal is a log of entries that survives the death of its writer. A line is in the kernel's hands when write
// returns, which a killed process cannot take back; sync puts it on the disk as well. Safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	file *os.File
}

// openJournal goes on with a journal. Its last line may be torn: it is ended first.
func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if _, err := f.WriteString("\n"); err != nil {
		return nil, fmt.Errorf("open journal: %w", errors.Join(err, f.Close()))
	}
	return &journal{file: f}, nil
}

func (j *journal) write(es ...entry) error {
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

func (j *journal) sync() error { return j.file.Sync() }

func (j *journal) close() error { return j.file.Close() }
