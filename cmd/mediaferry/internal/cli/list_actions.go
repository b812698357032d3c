package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) listActionsCommand() *cobra.Command {
	var (
		format output.Format
		limit  int
	)
	cmd := &cobra.Command{
		Use:   "actions",
		Short: "List retries and cancels of many uploads with their progress, the newest first",
		Example: `  mediaferry list actions
  mediaferry list actions --output json
  mediaferry cancel --action 01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d    stop one that is running`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			p := output.NewRows(format, a.Out, actionColumns(a.words))
			rows, err := eachRow(limit, p.Print, func(cursor string) ([]tasks.Action, string, error) {
				return s.Ledger.Actions(cmd.Context(), tasks.ActionFilter{Cursor: cursor})
			})
			if err != nil {
				return err
			}
			if rows == 0 {
				a.say("list.no_actions")
				return exit.With(tasks.ExitNothing)
			}
			return p.End()
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "at most this many rows; 0: all")
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}

// actionColumns prints actions.
func actionColumns(w *words.Words) output.Columns[tasks.Action] {
	return output.Columns[tasks.Action]{
		Headings: w.Headings("ID", "BEGAN", "BY", "ACTION", "STATE", "DONE", "LEFT", "OF", "CHOICE"),
		Cells: func(act tasks.Action) []string {
			return []string{act.ID.String(), output.Time(act.Began), act.By, w.T("action.kind_" + string(act.Kind)), w.T("action.state_" + string(act.State)),
				strconv.Itoa(act.Done), strconv.Itoa(leftOf(act)), strconv.Itoa(act.Matched), chosen(w, act)}
		},
	}
}

// chosen is an action's choice for people: uploads that were named, which may be thousands, are counted.
func chosen(w *words.Words, act tasks.Action) string {
	if f, err := act.Filter(); err == nil && len(f.IDs) > 1 {
		return w.T("list.named", "N", len(f.IDs))
	}
	return string(act.Choice)
}
