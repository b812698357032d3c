package cli

import (
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) listCommand() *cobra.Command {
	var (
		f      filterFlags
		format output.Format
		limit  int
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List uploads, the newest first",
		Example: `  mediaferry list --state failed --since 24h
  mediaferry list --source 'orders/7/**' --metadata shelf=A
  mediaferry list --batch 0190… --output csv > outcomes.csv
  mediaferry list actions                          who retried or canceled what`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			p := output.NewRows(format, a.Out, listed(a.words, time.Now()))
			rows, err := eachRow(limit, p.Print, func(cursor string) ([]tasks.Outcome, string, error) {
				filter.Cursor = cursor
				return s.Ledger.List(cmd.Context(), filter)
			})
			if err != nil {
				return err
			}
			if err := p.End(); err != nil {
				return err
			}
			if rows == 0 {
				a.say("list.none")
				return exit.With(tasks.ExitNothing)
			}
			return nil
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", 100, "at most this many rows; 0: all")
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON, output.CSV)
	cmd.AddCommand(a.listActionsCommand())
	return cmd
}

// listed prints uploads with what names them and when they were submitted.
func listed(w *words.Words, now time.Time) output.Columns[tasks.Outcome] {
	c := output.Outcomes(w)
	cells := c.Cells
	c.Headings = slices.Concat(w.Headings("ID"), c.Headings, w.Headings("AGE", "SUBMITTED"))
	c.Cells = func(o tasks.Outcome) []string {
		return append([]string{output.ShortID(o.ID)}, append(cells(o), w.Age(now.Sub(o.Submitted)), output.Local(o.Submitted))...)
	}
	return c
}
