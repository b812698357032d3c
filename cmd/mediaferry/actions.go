package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) listActionsCommand() *cobra.Command {
	var (
		output *format
		limit  int
	)
	cmd := &cobra.Command{
		Use:     "actions",
		Short:   "Who retried or canceled which uploads, the newest first",
		Example: "  mediaferry list actions\n  mediaferry list actions --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			actions, err := s.ledger.Actions(cmd.Context(), limit)
			if err != nil {
				return err
			}
			if len(actions) == 0 {
				fmt.Fprintln(a.Err, "nobody has retried or canceled anything")
				return exitCode(tasks.ExitNothing)
			}
			return a.printActions(actions, *output)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many rows, up to 1,000 (default 100)")
	output = outputFlag(cmd)
	return cmd
}

func (a *app) printActions(actions []tasks.Action, f format) error {
	if f == asJSON {
		enc := json.NewEncoder(a.Out)
		for _, act := range actions {
			if err := enc.Encode(act); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BEGAN\tBY\tACTION\tDONE\tOF\tCHOICE")
	for _, act := range actions {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", when(act.Began), act.By, act.Kind, act.Done, act.Matched, act.Choice)
	}
	return w.Flush()
}

// whoAmI names the person at this command line, for the record.
func whoAmI() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}
