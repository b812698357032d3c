package cli

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/intake"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// completer proposes values for an argument or flag.
type completer = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)

// completeTime is how long a shell may wait for the ledger.
const completeTime = 2 * time.Second

// completeRows is how many of the newest rows a shell is told.
const completeRows = 50

// fixed proposes values that are known without the ledger.
func fixed(values ...string) completer {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	}
}

// texts are values as text.
func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}

func completeExplained(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	all := texts(tasks.Codes())
	for _, r := range wechat.Rows() {
		all = append(all, cobra.CompletionWithDesc(strconv.Itoa(r.Errcode), r.Meaning))
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

// fromLedger proposes what the ledger knows. It proposes nothing where the ledger can't be read.
func (a *app) fromLedger(directive cobra.ShellCompDirective, read func(context.Context, *wire.Stack) ([]cobra.Completion, error)) completer {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), completeTime)
		defer cancel()
		s, err := a.openLedger(ctx)
		if err != nil {
			return nil, directive
		}
		defer s.Close()
		values, err := read(ctx, s)
		if err != nil {
			return nil, directive
		}
		return values, directive
	}
}

// completeUploads proposes the newest uploads by their short IDs, and files.
func (a *app) completeUploads() completer {
	return a.fromLedger(cobra.ShellCompDirectiveDefault, func(ctx context.Context, s *wire.Stack) (all []cobra.Completion, err error) {
		page, _, err := s.Ledger.List(ctx, tasks.Filter{Limit: completeRows})
		for _, o := range page {
			all = append(all, cobra.CompletionWithDesc(output.ShortID(o.ID), output.Verdict(a.words, o)+" "+output.Source(o.Source)))
		}
		return all, err
	})
}

// completeMedia proposes the media_ids that were issued last.
func (a *app) completeMedia() completer {
	return a.fromLedger(cobra.ShellCompDirectiveDefault, func(ctx context.Context, s *wire.Stack) (all []cobra.Completion, err error) {
		page, _, err := s.Ledger.List(ctx, tasks.Filter{States: []tasks.State{tasks.Succeeded}, Limit: completeRows})
		for _, o := range page {
			all = append(all, cobra.CompletionWithDesc(o.MediaID, output.Source(o.Source)))
		}
		return all, err
	})
}

func (a *app) completeBatches() completer {
	return a.fromLedger(cobra.ShellCompDirectiveNoFileComp, func(ctx context.Context, s *wire.Stack) (all []cobra.Completion, err error) {
		page, _, err := s.Ledger.List(ctx, tasks.Filter{Limit: 1000})
		for _, o := range page {
			if id := o.Batch.String(); o.Batch != uuid.Nil && !slices.ContainsFunc(all, func(c cobra.Completion) bool { return c[:len(id)] == id }) {
				all = append(all, cobra.CompletionWithDesc(id, output.Local(o.Submitted)))
			}
		}
		return all, err
	})
}

func (a *app) completeDeliveries() completer {
	return a.fromLedger(cobra.ShellCompDirectiveNoFileComp, func(ctx context.Context, s *wire.Stack) (all []cobra.Completion, err error) {
		page, _, err := s.Ledger.Deliveries(ctx, tasks.DeliveryFilter{Limit: completeRows})
		for _, d := range page {
			all = append(all, cobra.CompletionWithDesc(d.ID.String(), string(d.Event.Type)+" "+string(d.State)))
		}
		return all, err
	})
}

func (a *app) completeActions() completer {
	return a.fromLedger(cobra.ShellCompDirectiveNoFileComp, func(ctx context.Context, s *wire.Stack) (all []cobra.Completion, err error) {
		page, _, err := s.Ledger.Actions(ctx, tasks.ActionFilter{})
		for _, act := range page {
			all = append(all, cobra.CompletionWithDesc(act.ID.String(), string(act.Kind)+" of "+act.By))
		}
		return all, err
	})
}

func (a *app) completeKeys() completer {
	return a.fromLedger(cobra.ShellCompDirectiveNoFileComp, func(ctx context.Context, s *wire.Stack) (all []cobra.Completion, err error) {
		keys, err := s.Ledger.Keys(ctx)
		for _, k := range keys {
			if k.Revoked.IsZero() {
				all = append(all, cobra.CompletionWithDesc(k.Name, string(k.Role)), cobra.CompletionWithDesc(k.ID, k.Name))
			}
		}
		return all, err
	})
}

// completeAccounts proposes the accounts of the settings.
func (a *app) completeAccounts(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	cfg, err := a.settings()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(cfg.Accounts)), cobra.ShellCompDirectiveNoFileComp
}

// completeFlags tells the shell the values of a command's flags, and of those below it, by the flags' names.
func (a *app) completeFlags(cmd *cobra.Command) {
	mediaTypes := texts(tasks.MediaTypes[:])
	states := texts(tasks.States[:])
	if cmd.Parent() != nil && cmd.Parent().Name() == "webhook" {
		states = texts([]tasks.DeliveryState{tasks.Pending, tasks.Delivered, tasks.GivenUp, tasks.Disabled})
	}
	var errcodes []string
	for _, r := range wechat.Rows() {
		errcodes = append(errcodes, strconv.Itoa(r.Errcode))
	}
	for name, c := range map[string]completer{
		"state": fixed(states...), "account": a.completeAccounts, "batch": a.completeBatches(), "action": a.completeActions(),
		"code": fixed(texts(tasks.Codes())...), "errcode": fixed(slices.Compact(errcodes)...), "of": a.completeBatches(),
		"type": fixed(append([]string{intake.AutoKind}, mediaTypes...)...), "since": fixed("1h", "1d", "today", "yesterday"), "until": fixed("1h", "1d", "today", "yesterday"),
		"role": fixed("producer", "operator", "viewer"), "max-priority": fixed("bulk", "interactive"), "manifest-format": fixed("csv", "jsonl"),
		"output": nil,
	} {
		f := cmd.LocalFlags().Lookup(name)
		if f == nil {
			continue
		}
		if name == "output" {
			c = fixed(output.Formats(f)...)
		}
		_ = cmd.RegisterFlagCompletionFunc(name, c) // fails only for a flag that has one
	}
	for _, sub := range cmd.Commands() {
		a.completeFlags(sub)
	}
}
