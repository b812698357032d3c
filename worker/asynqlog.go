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

// asynqLog passes what asynq has to say to slog. While Redis is away asynq says the same many times a second, from
// each of its parts: each thing is said once a minute.
type asynqLog struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[string]time.Time
}

const (
	repeatAfter = time.Minute
	// maxSaid bounds what is remembered: asynq has some dozens of messages.
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

// isNew reports whether a text was not said for a while. Texts that differ in their numbers alone are the same:
// ports, task IDs and times.
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

// Fatal is asynq's last word before it would end the process. Ending it is not a library's to do.
func (l *asynqLog) Fatal(args ...any) { l.say(slog.LevelError, args) }
