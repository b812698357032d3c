package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) listCommand() *cobra.Command {
	var (
		f      filterFlags
		output *format
		limit  int
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List uploads, the newest first",
		Example: `  mediaferry list --state failed --since 24h
  mediaferry list --source 'orders/7/**' --metadata shelf=A
  mediaferry list --batch 0190… --output csv > outcomes.csv
  mediaferry list actions                          who retried or canceled what`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			p := newPrinter(*output, a.Out)
			rows, err := s.each(cmd.Context(), filter, limit, p.outcome)
			if err != nil {
				return err
			}
			if err := p.end(); err != nil {
				return err
			}
			if rows == 0 {
				fmt.Fprintln(a.Err, "no uploads match")
				return exitCode(tasks.ExitNothing)
			}
			return nil
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many rows; 0: all")
	output = outputFlag(cmd)
	cmd.AddCommand(a.listActionsCommand())
	return cmd
}
