package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) keysAddCommand() *cobra.Command {
	var (
		role     string
		rights   tasks.Rights
		priority string
	)
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a key for a producer, an operator or a viewer",
		Long:  "Prints the new key on stdout. The ledger keeps only a hash of it, so it can't be shown again. A name may have several keys, so that one can replace another. The first key of a name also makes the secret that signs its webhooks (webhook secret --producer).",
		Args:  oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := tasks.ParseRole(role)
			if err != nil {
				return exit.Usage(err)
			}
			if rights.BulkOnly = priority == tasks.Bulk.String(); !rights.BulkOnly && priority != tasks.Interactive.String() {
				return exit.Usage(words.Fail("keys.priority", "Priority", strconv.Quote(priority)))
			}
			if !tasks.ValidName(args[0]) {
				return exit.Usage(words.Fail("keys.no_name", "Name", strconv.Quote(args[0]), "Most", tasks.MaxName))
			}
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			if err := s.OpenKeys(cmd.Context()); err != nil {
				return err
			}
			secret, err := s.AddKey(cmd.Context(), tasks.Key{Name: args[0], Role: r, Rights: rights})
			if err != nil {
				return err
			}
			a.say("keys.added", "Role", a.t("keys.role_"+string(r)), "Name", args[0])
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
