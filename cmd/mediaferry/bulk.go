package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// bulk is what retry and cancel have in common: a choice of uploads, a preview, a yes, and one recorded action.
type bulk struct {
	kind   tasks.ActionKind
	done   string                     // "retried"
	refuse func(tasks.Outcome) string // why it can't be done to an upload; "": it can
	do     func(context.Context, uuid.UUID) error
	filter filterFlags
	yes    bool
	dryRun bool
}

func (b *bulk) add(flags *pflag.FlagSet) {
	b.filter.add(flags)
	flags.BoolVarP(&b.yes, "yes", "y", false, "don't ask: do it to all that match")
	flags.BoolVarP(&b.dryRun, "dry-run", "n", false, "say what would be done, and do nothing")
}

// check refuses a choice that is none.
func (b *bulk) check(args []string) error {
	switch {
	case len(args) == 0 && b.filter.none():
		return usagef("name uploads by their IDs, or choose them, as with --state failed; see mediaferry %s --help", b.kind)
	case len(args) > 0 && !b.filter.none():
		return usagef("name uploads or choose them by flags, not both")
	}
	return nil
}

// chosen is what a choice found.
type chosen struct {
	matched int
	can     []uuid.UUID
	cannot  map[string]int // by reason
	states  map[tasks.State]int
	calls   map[string]int // of can, by account
}

func (c *chosen) add(o tasks.Outcome, reason string) {
	c.matched++
	if reason != "" {
		c.cannot[reason]++
		return
	}
	c.can = append(c.can, o.ID)
	c.states[o.State]++
	c.calls[o.Account]++
}

// choose looks up what args name, or what the filter finds.
func (b *bulk) choose(ctx context.Context, s *stack, args []string) (*chosen, error) {
	c := &chosen{cannot: map[string]int{}, states: map[tasks.State]int{}, calls: map[string]int{}}
	if len(args) == 0 {
		f, err := b.filter.filter(time.Now())
		if err != nil {
			return nil, err
		}
		f.Limit = 1000
		_, err = s.each(ctx, f, 0, func(o tasks.Outcome) error {
			c.add(o, b.refuse(o))
			return nil
		})
		return c, err
	}
	seen := map[uuid.UUID]bool{}
	for _, name := range args {
		o, err := s.find(ctx, cmp.Or(b.filter.Producer, enqueue.DefaultProducer), name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if !seen[o.ID] {
			seen[o.ID] = true
			c.add(o, b.refuse(o))
		}
	}
	return c, nil
}

// preview says what would be done, why not to some, and what it costs.
func (b *bulk) preview(c *chosen, cost string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d match: %d can be %s", c.matched, len(c.can), b.done)
	for _, reason := range slices.Sorted(maps.Keys(c.cannot)) {
		fmt.Fprintf(&s, ", %d can't because %s", c.cannot[reason], reason)
	}
	return s.String() + cost
}

// agreed shows the preview and reports whether to go on: always for uploads that were named, otherwise with --yes or
// the person's own yes.
func (b *bulk) agreed(a *app, c *chosen, cost string, named bool) (bool, error) {
	fmt.Fprintln(a.Err, b.preview(c, cost))
	switch {
	case len(c.can) == 0 && named:
		return false, &exitError{code: tasks.ExitUsage}
	case len(c.can) == 0:
		return false, exitCode(tasks.ExitNothing)
	case b.dryRun:
		return false, nil
	case b.yes, named:
		return true, nil
	case !isTerminalReader(a.In):
		return false, usagef("add --yes to do it, or --dry-run to see this alone")
	}
	return b.ask(a.In, a.Err, len(c.can))
}

func (b *bulk) ask(in io.Reader, out io.Writer, n int) (bool, error) {
	fmt.Fprintf(out, "%s %d uploads? [y/N] ", b.kind, n)
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && answer == "" {
		return false, exitCode(tasks.ExitNothing)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	fmt.Fprintln(out, "nothing was done")
	return false, exitCode(tasks.ExitNothing)
}

func isTerminalReader(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// actAtOnce is how many uploads are acted on at once: the ledger commits them together.
const actAtOnce = 16

// act does it to all, as one recorded action, and returns how many it was done to. Those that have changed since they
// were chosen are left alone; so is the rest when ctx ends.
func (b *bulk) act(ctx context.Context, s *stack, c *chosen, args []string) (int, error) {
	choice := b.filter.text()
	if len(args) > 0 {
		choice, _ = json.Marshal(map[string][]uuid.UUID{"ids": c.can}) // IDs can always be encoded
	}
	action, err := s.ledger.BeginAction(ctx, tasks.Action{Kind: b.kind, By: whoAmI(), Choice: choice, Matched: c.matched})
	if err != nil {
		return 0, err
	}
	var done atomic.Int64
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(actAtOnce)
	for _, id := range c.can {
		if within.Err() != nil {
			break
		}
		group.Go(func() error {
			switch err := b.do(within, id); {
			case err == nil:
				done.Add(1)
				return nil
			case tasks.CodeOf(err) == tasks.Conflict:
				return nil
			default:
				return fmt.Errorf("%s upload %s: %w", b.kind, id, err)
			}
		})
	}
	err = group.Wait()
	action.Done, action.Left = int(done.Load()), len(c.can)-int(done.Load())
	if recordErr := s.ledger.EndAction(context.WithoutCancel(ctx), action); err == nil {
		err = recordErr
	}
	return action.Done, err
}
