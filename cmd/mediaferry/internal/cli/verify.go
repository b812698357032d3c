package cli

import (
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
)

func (a *app) verifyCommand() *cobra.Command {
	var (
		format output.Format
		repair bool
	)
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check the ledger and the shared Redis for contradictions",
		Long: `Checks the ledger, while everything runs, for rows that break its rules: outcomes without their event, uploads that
would never run again, counts that disagree with the uploads, and media that are reserved for no upload under way or
reused past their life. With a shared Redis it also finds uploads that Redis has lost, and tasks that stay active there
without a worker. --repair repairs what can be
repaired without losing anything. It exits with 3 if something is left.`,
		Example: `  mediaferry verify
  mediaferry verify --repair
  mediaferry verify --output json | jq .what`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			found, err := verify(cmd.Context(), s, repair)
			if err != nil {
				return err
			}
			return a.printFindings(found, format)
		},
	}
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	cmd.Flags().BoolVar(&repair, "repair", false, "mend what can be mended")
	return cmd
}

func verify(ctx context.Context, s *wire.Stack, repair bool) ([]view.Finding, error) {
	var o view.VerifyOptions
	if !s.Embedded {
		warnings, err := s.OpenBelt(ctx)
		if err != nil {
			return nil, err
		}
		for _, w := range warnings {
			s.Log.Warn(w.Error())
		}
		o.Belt = lostOnBelt{s.Belt}
	}
	found, err := s.Ledger.Verify(ctx, o)
	if err != nil {
		return nil, err
	}
	left, err := strays(ctx, s.Belt, repair)
	if err != nil || !repair {
		return append(found, left...), err
	}
	mended, err := s.Ledger.Repair(ctx, found)
	mended = append(mended, left...)
	if tasks.CodeOf(err) == tasks.Unavailable {
		return mended, err
	}
	if err != nil {
		s.Log.Error("not everything could be mended", "error", err)
	}
	return mended, nil
}

// strays finds the tasks that stay active in a shared Redis without a worker. The dispatcher sweeps them, too, once they were
// found for a while.
func strays(ctx context.Context, belt *enqueue.Belt, repair bool) ([]view.Finding, error) {
	if belt == nil {
		return nil, nil
	}
	all, err := belt.Strays(ctx)
	if err == nil && repair {
		_, err = belt.Sweep(ctx, all)
	}
	if err != nil {
		return nil, err
	}
	var found []view.Finding
	for _, x := range all {
		what := tasks.Textf("task %s stays active in the queue %s: Redis lost it, or its lease", x.Task, x.Queue)
		found = append(found, view.Finding{
			Check: "stray-task", What: what.Error(), Text: what, Repairable: true, Repaired: repair,
		})
	}
	return found, nil
}

// lostOnBelt asks the belt for what is not on it.
type lostOnBelt struct{ belt *enqueue.Belt }

// Gone returns those of ds that the belt has nothing of.
func (b lostOnBelt) Gone(ctx context.Context, ds []tasks.Chunk) ([]tasks.Chunk, error) {
	places, err := b.belt.Locate(ctx, ds)
	if err != nil {
		return nil, err
	}
	var gone []tasks.Chunk
	for i, p := range places {
		if p == enqueue.PlaceGone {
			gone = append(gone, ds[i])
		}
	}
	return gone, nil
}

func (a *app) printFindings(found []view.Finding, f output.Format) error {
	if err := output.All(f, a.Out, findingColumns(a.words), found); err != nil {
		return err
	}
	left := 0
	for _, x := range found {
		if !x.Repaired {
			left++
		}
	}
	switch {
	case len(found) == 0:
		a.say("verify.fine")
		return nil
	case left == 0:
		a.say("verify.all_mended", "N", len(found))
		return nil
	default:
		a.say("verify.found", "N", len(found), "Mended", len(found)-left)
		return exit.With(tasks.ExitFailed)
	}
}

// findingColumns prints findings.
func findingColumns(w *words.Words) output.Columns[view.Finding] {
	return output.Columns[view.Finding]{
		Headings: w.Headings("CHECK", "UPLOAD", "BATCH", "REPAIR", "WHAT"),
		Cells: func(f view.Finding) []string {
			what := f.What
			if f.Text != nil {
				what = w.Error(f.Text)
			}
			return []string{f.Check, idOrNothing(f.Upload), idOrNothing(f.Batch), w.T(repairText(f)), what}
		},
	}
}

func idOrNothing(id uuid.UUID) string {
	if id == uuid.Nil {
		return "-"
	}
	return id.String()
}

// repairText names the text that says how a finding is repaired.
func repairText(f view.Finding) string {
	switch {
	case f.Repaired:
		return "verify.mended"
	case f.Repairable:
		return "verify.with_repair"
	default:
		return "verify.by_hand"
	}
}
