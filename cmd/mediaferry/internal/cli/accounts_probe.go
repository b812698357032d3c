package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
)

func (a *app) accountsProbeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "probe NAME",
		Short:             "Ask WeChat whether an account works",
		Args:              oneArg,
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			if _, known := cfg.Accounts[args[0]]; !known {
				return noAccount(args[0])
			}
			client, err := wire.NewWeChat(cfg, nil, a.logger(cfg, true))
			if err != nil {
				return err
			}
			if err := client.Probe(cmd.Context(), args[0]); err != nil {
				return err
			}
			quota, err := client.Quota(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintln(a.Out, a.t("accounts.well", "Name", args[0], "Used", quota.Used, "Limit", quota.DailyLimit))
			return nil
		},
	}
}
