package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
		return out, usagef("--state: %q is not one of %v", f.state, known)
	}
	if f.of != "" {
		id, err := uuid.Parse(f.of)
		if err != nil {
			return out, usagef("--of: %q is not an ID", f.of)
		}
		out.Upload = id
	}
	return out, nil
}

func (a *app) webhookListCommand() *cobra.Command {
	var (
		f      deliveryFlags
		output *format
		limit  int
	)
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List deliveries, the newest first",
		Example: "  mediaferry webhook list --state failed\n  mediaferry webhook list --of 0190… --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			show, end := a.deliveryPrinter(*output)
			rows, err := s.eachDelivery(cmd.Context(), filter, limit, show)
			if err != nil {
				return err
			}
			if err := end(); err != nil {
				return err
			}
			if rows == 0 {
				fmt.Fprintln(a.Err, "no deliveries match")
				return exitCode(tasks.ExitNothing)
			}
			return nil
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many rows; 0: all")
	output = outputFlagNoCSV(cmd)
	return cmd
}

func (a *app) deliveryPrinter(f format) (show func(tasks.Delivery) error, end func() error) {
	if f == asJSON {
		enc := json.NewEncoder(a.Out)
		return func(d tasks.Delivery) error { return enc.Encode(d) }, func() error { return nil }
	}
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tEVENT\tTO\tSTATE\tATTEMPTS\tNEXT\tLAST")
	return func(d tasks.Delivery) error {
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", d.ID, d.Event.Type, hostOf(d.URL), d.State, d.Attempts, when(d.Due), lastAnswer(d))
		return err
	}, w.Flush
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

func (a *app) webhookShowCommand() *cobra.Command {
	var output *format
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one delivery with the body that is signed",
		Example: "  mediaferry webhook show 01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := uuid.Parse(args[0])
			if err != nil {
				return usagef("%q is not the ID of a delivery: see mediaferry webhook list", args[0])
			}
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			d, err := s.ledger.Delivery(cmd.Context(), id)
			if err != nil {
				return err
			}
			if *output == asJSON {
				return json.NewEncoder(a.Out).Encode(d)
			}
			return a.printDelivery(d)
		},
	}
	output = outputFlagNoCSV(cmd)
	return cmd
}

func (a *app) printDelivery(d tasks.Delivery) error {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"id", d.ID.String()}, {"webhook-id", d.Event.ID.String()}, {"event", string(d.Event.Type)}, {"producer", d.Event.Producer},
		{"to", hostOf(d.URL)}, {"state", string(d.State)}, {"attempts", fmt.Sprint(d.Attempts)}, {"next", when(d.Due)},
		{"last", cmp.Or(lastAnswer(d), "-")}, {"happened", d.Event.Time.UTC().Format(time.RFC3339Nano)},
	} {
		fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	body, err := json.Marshal(d.Event)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	_, err = fmt.Fprintf(a.Out, "\n%s\n", body)
	return err
}
