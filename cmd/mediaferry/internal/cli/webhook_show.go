package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) webhookShowCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:               "show ID",
		Short:             "Show one delivery with its signed body",
		Example:           "  mediaferry webhook show 01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeDeliveries(),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := uuid.Parse(args[0])
			if err != nil {
				return exit.Usagef("%q is not the ID of a delivery: see mediaferry webhook list", args[0])
			}
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			d, err := s.Ledger.Delivery(cmd.Context(), id)
			if err != nil {
				return err
			}
			if format == output.JSON {
				return json.NewEncoder(a.Out).Encode(d)
			}
			return a.printDelivery(d)
		},
	}
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}

func (a *app) printDelivery(d tasks.Delivery) error {
	grid := output.NewGrid(a.Out)
	for _, line := range [][2]string{
		{"id", d.ID.String()}, {"webhook-id", d.Event.ID.String()}, {"event", string(d.Event.Type)}, {"producer", d.Event.Producer},
		{"to", hostOf(d.URL)}, {"state", string(d.State)}, {"attempts", fmt.Sprint(d.Attempts)}, {"next", output.Time(d.Due)},
		{"last", cmp.Or(lastAnswer(d), "-")}, {"happened", d.Event.Time.UTC().Format(time.RFC3339Nano)},
	} {
		grid.Row(line[0], line[1])
	}
	if err := grid.Flush(); err != nil {
		return err
	}
	body, err := json.Marshal(d.Event)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	_, err = fmt.Fprintf(a.Out, "\n%s\n", body)
	return err
}
