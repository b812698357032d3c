package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
)

func (a *app) verifyCommand() *cobra.Command {
	var (
		output *format
		repair bool
	)
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that the ledger, and the shared Redis, contradict themselves nowhere",
		Long: `Checks the ledger, while everything runs, for what can't be: outcomes without their event, uploads that nobody would
ever run again, batches whose counts disagree with their uploads, media reserved for nobody or reused past their life,
and with a shared Redis uploads that were lost on it. --repair mends what can be mended without losing anything.
It exits with 3 where something is left.`,
		Example: `  mediaferry verify
  mediaferry verify --repair
  mediaferry verify --output json | jq .what`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if *output == asCSV {
				return usagef("--output: verify has table and json")
			}
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			found, err := s.verify(cmd.Context(), repair)
			if err != nil {
				return err
			}
			return a.printFindings(found, *output)
		},
	}
	output = outputFlagNoCSV(cmd)
	cmd.Flags().BoolVar(&repair, "repair", false, "mend what can be mended")
	return cmd
}

func (s *stack) verify(ctx context.Context, repair bool) ([]view.Finding, error) {
	var o view.VerifyOptions
	redis, err := s.cfg.Redis()
	if err != nil {
		return nil, err
	}
	if !redis.Embedded {
		if err := s.openBelt(ctx, redis); err != nil {
			return nil, err
		}
		o.Belt = beltLook{s.belt}
	}
	found, err := s.ledger.Verify(ctx, o)
	if err != nil || !repair {
		return found, err
	}
	mended, err := s.ledger.Repair(ctx, found)
	if tasks.CodeOf(err) == tasks.Unavailable {
		return mended, err
	}
	if err != nil {
		s.log.Error("not everything could be mended", "error", err)
	}
	return mended, nil
}

// beltLook asks the belt for what is not on it.
type beltLook struct{ belt *enqueue.Belt }

// Gone returns those of ds that the belt has nothing of.
func (b beltLook) Gone(ctx context.Context, ds []tasks.Dispatch) ([]tasks.Dispatch, error) {
	places, err := b.belt.Look(ctx, ds)
	if err != nil {
		return nil, err
	}
	var gone []tasks.Dispatch
	for i, p := range places {
		if p == enqueue.PlaceGone {
			gone = append(gone, ds[i])
		}
	}
	return gone, nil
}

func (a *app) printFindings(found []view.Finding, f format) error {
	left, err := a.writeFindings(found, f)
	if err != nil {
		return err
	}
	switch {
	case len(found) == 0:
		fmt.Fprintln(a.Err, "everything is in order")
		return nil
	case left == 0:
		fmt.Fprintf(a.Err, "%d found, all mended\n", len(found))
		return nil
	default:
		fmt.Fprintf(a.Err, "%d found, %d mended\n", len(found), len(found)-left)
		return &exitError{code: tasks.ExitFailed}
	}
}

// writeFindings returns how many are left.
func (a *app) writeFindings(found []view.Finding, f format) (left int, err error) {
	enc := json.NewEncoder(a.Out)
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	if f == asTable && len(found) > 0 {
		fmt.Fprintln(w, "CHECK\tUPLOAD\tBATCH\tREPAIR\tWHAT")
	}
	for _, x := range found {
		if !x.Repaired {
			left++
		}
		if f == asJSON {
			if err := enc.Encode(x); err != nil {
				return left, err
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", x.Check, idOrNothing(x.Upload), idOrNothing(x.Batch), repairText(x), x.What)
	}
	return left, w.Flush()
}

func idOrNothing(id uuid.UUID) string {
	if id == uuid.Nil {
		return "-"
	}
	return id.String()
}

func repairText(f view.Finding) string {
	switch {
	case f.Repaired:
		return "mended"
	case f.Repairable:
		return "with --repair"
	default:
		return "by hand"
	}
}
