package worker

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
)

// asynqLog passes asynq's log lines to slog. While Redis is away asynq repeats its lines many times a second, from each of
// its parts: asynqLog passes each line once a minute.
type asynqLog struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[string]time.Time
}

const (
	repeatAfter = time.Minute
	// maxSaid bounds the remembered lines: asynq has some dozens of messages.
	maxSaid = 256
)

func newAsynqLog(log *slog.Logger) *asynqLog {
	return &asynqLog{log: log, said: map[string]time.Time{}}
}

func (l *asynqLog) say(level slog.Level, args []any) {
	text := strings.TrimSpace(fmt.Sprint(args...))
	if l.isNew(text) {
		l.log.Log(context.Background(), level, text, "from", "asynq")
	}
}

// isNew reports whether a line was not logged for a while. Lines that differ only in numbers, such as ports, task IDs and
// times, are the same.
func (l *asynqLog) isNew(text string) bool {
	kind := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, text)
	kind = kind[:min(len(kind), 24)] // longer ones name a task
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.said[kind]; ok && now.Sub(last) < repeatAfter {
		return false
	}
	if len(l.said) >= maxSaid {
		clear(l.said)
	}
	l.said[kind] = now
	return true
}

// Debug is asynq.Logger's.
func (l *asynqLog) Debug(args ...any) { l.say(slog.LevelDebug, args) }

// Info is asynq.Logger's.
func (l *asynqLog) Info(args ...any) { l.say(slog.LevelInfo, args) }

// Warn is asynq.Logger's.
func (l *asynqLog) Warn(args ...any) { l.say(slog.LevelWarn, args) }

// Error is asynq.Logger's.
func (l *asynqLog) Error(args ...any) { l.say(slog.LevelError, args) }

// Fatal is asynq.Logger's. It does not end the process: a library must not do that.
func (l *asynqLog) Fatal(args ...any) { l.say(slog.LevelError, args) }
