package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) webhookShowCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:               "show ID",
		Short:             "Show one delivery with its signed body",
		Example:           "  mediaferry webhook show 01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d",
		Args:              oneArg,
		ValidArgsFunction: a.completeDeliveries(),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := uuid.Parse(args[0])
			if err != nil {
				return exit.Usage(words.Fail("webhook.no_id", "ID", strconv.Quote(args[0])))
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
		{"webhook.id", d.ID.String()}, {"webhook.webhook_id", d.Event.ID.String()}, {"webhook.event", string(d.Event.Type)}, {"webhook.producer", d.Event.Producer},
		{"webhook.to", hostOf(d.URL)}, {"webhook.state", a.t("webhook.state_" + string(d.State))}, {"webhook.attempts", strconv.Itoa(d.Attempts)},
		{"webhook.next", output.Time(d.Due)}, {"webhook.last", cmp.Or(lastAnswer(d), "-")}, {"webhook.happened", d.Event.Time.UTC().Format(time.RFC3339Nano)},
	} {
		grid.Row(a.t(line[0]), line[1])
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
