package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/enqueue"
)

func (a *app) printRedisACLCommand() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "redis-acl",
		Short: "Print the rights that a user of Redis needs to carry uploads",
		Long: `Prints the command that gives a user of Redis the least rights that run, serve, worker and all commands
need: the queues and keys of queue_prefix, and the commands that are called. It leaves the user's password as it is. Without
the right to INFO all goes on, but for the checks of Redis' version and memory.`,
		Example: `  mediaferry print redis-acl --user ferry | redis-cli
  redis-cli ACL SETUSER ferry '>PASSWORD'               once, and then: redis://ferry:PASSWORD@…`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.Out, "ACL SETUSER "+user+" "+enqueue.ACL(cfg.QueuePrefix+":"))
			return err
		},
	}
	cmd.Flags().StringVar(&user, "user", "mediaferry", "the user that gets the rights")
	return cmd
}
