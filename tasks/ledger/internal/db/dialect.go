package db

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/mediaferry/mediaferry/tasks"
)

// Dialect is what differs between the two databases. All other SQL is one text for both, with ? as placeholder.
type Dialect struct {
	Name       string
	numbered   bool   // placeholders are $1, $2 …
	prepares   bool   // a session keeps prepared statements; pgx does that itself
	Concurrent bool   // others may write while our transaction is open
	beginRead  string // a snapshot
	BeginWrite string
	clock      string // selects the database's clock in microseconds; empty: the process's clock serves
	like       string // compares texts whatever their case
	ForUpdate  string
	SkipLocked string
	Fault      func(error) Fault

	bound sync.Map                       // query -> query with numbered placeholders
	Trace func(query string, args []any) // every statement, for the tests of plans and commits; nil otherwise
}

// Fault says what to do after a database's error.
type Fault struct {
	Again  bool   // nothing was written: try again
	gone   bool   // no process can use the database now
	Reason string // for people
	hint   string
}

// Again reports whether nothing was written and the transaction may be tried again.
func (d *Dialect) Again(err error) bool { return d.Fault(err).Again }

// Gone reports whether err says that no process can use the database now.
func (d *Dialect) Gone(err error) bool { return d.classify(err).gone }

func (d *Dialect) classify(err error) Fault {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Fault{gone: true, Reason: "the database did not answer in time", hint: "try again"}
	}
	return d.Fault(err)
}

// Explain turns a database's error into one that a person can act on. It returns an answer as it is, see IsAnswer.
func (d *Dialect) Explain(op string, err error) error {
	if err == nil || IsAnswer(err) {
		return err
	}
	f := d.classify(err)
	if !f.Again && !f.gone {
		return fmt.Errorf("%s: %w", op, err)
	}
	if f.Reason != "" {
		err = tasks.Textf("%w: %w", &tasks.Text{Format: f.Reason}, err)
	}
	return &tasks.Error{Code: tasks.Unavailable, Op: op, Err: err, Hint: f.hint}
}

// Statements returns the context for the statements of a transaction that has begun. On SQLite it can't be canceled: the
// transaction waits for nothing any more, and the driver would start a goroutine for each statement.
func (d *Dialect) Statements(ctx context.Context) context.Context {
	if d.Concurrent {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// Bind writes the placeholders as the database wants them. A query must not have a ? in a literal.
func (d *Dialect) Bind(query string) string {
	if !d.numbered {
		return query
	}
	if b, ok := d.bound.Load(query); ok {
		return b.(string)
	}
	var b strings.Builder
	n := 0
	for i := range len(query) {
		if query[i] != '?' {
			b.WriteByte(query[i])
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	d.bound.Store(query, b.String())
	return b.String()
}

// IsAnswer reports whether err is an answer to the caller rather than a failure of the database.
func IsAnswer(err error) bool {
	var e *tasks.Error
	return errors.As(err, &e)
}
