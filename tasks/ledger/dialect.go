package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/mediaferry/mediaferry/tasks"
)

// dialect is what differs between the two databases. All other SQL is one text for both, with ? as placeholder.
type dialect struct {
	name       string
	numbered   bool   // placeholders are $1, $2 …
	prepares   bool   // statements are worth keeping; pgx does that itself
	concurrent bool   // others may write while our transaction is open
	beginRead  string // a snapshot
	beginWrite string
	clock      string // selects the database's clock in microseconds; empty: the process's clock serves
	lockEvents string // makes events commit in the order of their seq; empty: there is one writer anyway
	like       string // compares texts whatever their case
	forUpdate  string
	skipLocked string
	fault      func(error) fault

	bound sync.Map                       // query -> query with numbered placeholders
	trace func(query string, args []any) // every statement, for the tests of plans and commits; nil otherwise
}

// fault is what a database's error means for what is tried next.
type fault struct {
	again  bool   // nothing was written: try again
	gone   bool   // the database can't be used now, by nobody
	reason string // for people
	hint   string
}

func (d *dialect) again(err error) bool { return d.fault(err).again }

func (d *dialect) gone(err error) bool { return d.classify(err).gone }

func (d *dialect) classify(err error) fault {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fault{gone: true, reason: "the database did not answer in time", hint: "try again"}
	}
	return d.fault(err)
}

// explain turns a database's error into one that a person can act on. Answers pass as they are.
func (d *dialect) explain(op string, err error) error {
	if err == nil || refusal(err) {
		return err
	}
	f := d.classify(err)
	if !f.again && !f.gone {
		return fmt.Errorf("%s: %w", op, err)
	}
	if f.reason != "" {
		err = fmt.Errorf("%s: %w", f.reason, err)
	}
	return &tasks.Error{Code: tasks.Unavailable, Op: op, Err: err, Hint: f.hint}
}

// statements is the context of a transaction's statements once it has begun. SQLite waits for nobody any more then, and
// its driver starts a goroutine for each statement that could be canceled.
func (d *dialect) statements(ctx context.Context) context.Context {
	if d.concurrent {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// bind writes the placeholders as the database wants them. No query has a ? in a literal.
func (d *dialect) bind(query string) string {
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
