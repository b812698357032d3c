package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Add, list and revoke the keys of the HTTP API",
		Example: `  mediaferry keys add shop                          prints the key, once
  mediaferry keys add shop --account default --source 2026/ --rate 600
  mediaferry keys list
  mediaferry keys revoke shop                       all of its keys; or one, by its id`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.keysAddCommand(), a.keysListCommand(), a.keysRevokeCommand())
	return cmd
}

func (a *app) keysAddCommand() *cobra.Command {
	var (
		role     string
		rights   tasks.Rights
		priority string
	)
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a key for a producer, an operator or a viewer",
		Long:  "Prints the new key on stdout: it is kept as a hash only and can't be shown again. A name may have several keys, so that one can take the place of another.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := tasks.ParseRole(role)
			if err != nil {
				return usage(err)
			}
			if rights.BulkOnly = priority == tasks.Bulk.String(); !rights.BulkOnly && priority != tasks.Interactive.String() {
				return usagef("--max-priority: %q is neither bulk nor interactive", priority)
			}
			if !tasks.ValidName(args[0]) {
				return usagef("%q is not a name: 1 to %d of a-z A-Z 0-9 . _ -", args[0], tasks.MaxName)
			}
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			secret := newKey()
			if err := s.ledger.AddKey(cmd.Context(), tasks.Key{Name: args[0], Role: r, Hash: tasks.KeyHash(secret), Rights: rights}); err != nil {
				return err
			}
			fmt.Fprintf(a.Err, "a key for the %s %s; it can't be shown again:\n", r, args[0])
			_, err = fmt.Fprintln(a.Out, secret.Reveal())
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&role, "role", string(tasks.RoleProducer), "producer, operator or viewer")
	f.StringArrayVar(&rights.Accounts, "account", nil, "an account it may submit to; repeat it for more (default all)")
	f.StringArrayVar(&rights.Sources, "source", nil, "`PREFIX` of sources it may submit, folder/ or s3://bucket/prefix (default the whole storage root, no bucket)")
	f.StringArrayVar(&rights.CallbackHosts, "callback-host", nil, "`HOST` that its callback URLs may name, or *.domain (default any)")
	f.IntVar(&rights.RatePerMinute, "rate", 0, "uploads it may submit a minute (default unlimited)")
	f.IntVar(&rights.DailyBudget, "daily-budget", 0, "uploads it may submit a day (default unlimited)")
	f.StringVar(&priority, "max-priority", tasks.Interactive.String(), "the highest priority it may ask for: bulk or interactive")
	return cmd
}

func (a *app) keysListCommand() *cobra.Command {
	var output *format
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Every key that was added, never the key itself",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			keys, err := s.ledger.Keys(cmd.Context())
			if err != nil {
				return err
			}
			if *output == asJSON {
				return jsonLines(a.Out, keys)
			}
			return a.printKeys(keys)
		},
	}
	output = outputFlagNoCSV(cmd)
	return cmd
}

func (a *app) printKeys(keys []tasks.Key) error {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tROLE\tADDED\tREVOKED\tRIGHTS")
	for _, k := range keys {
		revoked := ""
		if !k.Revoked.IsZero() {
			revoked = k.Revoked.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Role, k.Created.Format(time.RFC3339), revoked, rightsInWords(k.Rights))
	}
	return w.Flush()
}

func rightsInWords(r tasks.Rights) string {
	var words []string
	for _, l := range []struct {
		name   string
		values []string
	}{{"accounts", r.Accounts}, {"sources", r.Sources}, {"callbacks to", r.CallbackHosts}} {
		if len(l.values) > 0 {
			words = append(words, l.name+" "+strings.Join(l.values, ","))
		}
	}
	if r.RatePerMinute > 0 {
		words = append(words, fmt.Sprintf("%d a minute", r.RatePerMinute))
	}
	if r.DailyBudget > 0 {
		words = append(words, fmt.Sprintf("%d a day", r.DailyBudget))
	}
	if r.BulkOnly {
		words = append(words, "bulk only")
	}
	return strings.Join(words, "; ")
}

func (a *app) keysRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME|ID",
		Short: "End a key, or all keys of a name",
		Long:  "Running servers refuse it within two seconds. Keys of the settings are taken out there.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			n, err := s.ledger.RevokeKeys(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Err, "revoked %d\n", n)
			return nil
		},
	}
}
