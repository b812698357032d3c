package cli

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

// deliveryFlags is how people choose deliveries.
type deliveryFlags struct{ state, of, producer string }

func (f *deliveryFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.state, "state", "", "pending, delivered, failed or disabled")
	flags.StringVar(&f.of, "of", "", "of this upload or batch (`ID`)")
	flags.StringVar(&f.producer, "producer", "", "of this producer")
}

func (f *deliveryFlags) filter() (tasks.DeliveryFilter, error) {
	out := tasks.DeliveryFilter{Producer: f.producer, State: tasks.DeliveryState(f.state)}
	if known := []tasks.DeliveryState{tasks.Pending, tasks.Delivered, tasks.GivenUp, tasks.Disabled}; f.state != "" && !slices.Contains(known, out.State) {
		return out, exit.Usage(words.Fail("choose.state", "State", strconv.Quote(f.state), "Known", fmt.Sprint(known)))
	}
	if f.of != "" {
		id, err := uuid.Parse(f.of)
		if err != nil {
			return out, exit.Usage(words.Fail("choose.of", "ID", strconv.Quote(f.of)))
		}
		out.Upload = id
	}
	return out, nil
}

func (a *app) webhookListCommand() *cobra.Command {
	var (
		f      deliveryFlags
		format output.Format
		limit  int
	)
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List deliveries, the newest first",
		Example: "  mediaferry webhook list --state failed\n  mediaferry webhook list --of 0190… --output json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			p := output.NewRows(format, a.Out, deliveryColumns(a.words))
			rows, err := eachDelivery(cmd.Context(), s, filter, limit, p.Print)
			if err != nil {
				return err
			}
			if err := p.End(); err != nil {
				return err
			}
			if rows == 0 {
				a.say("webhook.none")
				return exit.With(tasks.ExitNothing)
			}
			return nil
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", 100, "at most this many rows; 0: all")
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}

// deliveryColumns prints deliveries.
func deliveryColumns(w *words.Words) output.Columns[tasks.Delivery] {
	return output.Columns[tasks.Delivery]{
		Headings: w.Headings("ID", "EVENT", "TO", "STATE", "ATTEMPTS", "NEXT", "LAST"),
		Cells: func(d tasks.Delivery) []string {
			state := w.T("webhook.state_" + string(d.State))
			return []string{d.ID.String(), string(d.Event.Type), hostOf(d.URL), state, strconv.Itoa(d.Attempts), output.Time(d.Due), lastAnswer(d)}
		},
	}
}

// hostOf leaves out path and query, which often are secret.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func lastAnswer(d tasks.Delivery) string {
	if d.LastStatus != 0 && d.LastError == "" {
		return fmt.Sprintf("HTTP %d", d.LastStatus)
	}
	return d.LastError
}
