package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) accountsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "accounts",
		Short: "List, resume and probe the official accounts",
		Example: `  mediaferry accounts list
  mediaferry accounts list --output json
  mediaferry accounts resume default      after its settings were mended
  mediaferry accounts probe default       ask WeChat for a token and the quota`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.accountsListCommand(), a.accountsResumeCommand(), a.accountsProbeCommand())
	return cmd
}

func (a *app) accountsListCommand() *cobra.Command {
	var output *format
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Every account, its calls of today and whether it is held",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			accounts, err := s.ledger.Accounts(cmd.Context())
			if err != nil {
				return err
			}
			if *output != asJSON {
				return a.printAccounts(accounts)
			}
			return jsonLines(a.Out, accounts)
		},
	}
	output = outputFlagNoCSV(cmd)
	return cmd
}

func (a *app) accountsResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume NAME",
		Short: "Lift the hold of an account",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.look(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			accounts, err := s.ledger.Accounts(cmd.Context())
			if err != nil {
				return err
			}
			for _, acc := range accounts {
				if acc.Name != args[0] {
					continue
				}
				held, err := s.ledger.Resume(cmd.Context(), acc.Realm, acc.AppID)
				if err != nil {
					return err
				}
				if !held {
					fmt.Fprintf(a.Err, "%s was not held\n", acc.Name)
					return &exitError{code: tasks.ExitNothing}
				}
				fmt.Fprintf(a.Err, "%s goes on\n", acc.Name)
				return nil
			}
			return noAccount(args[0])
		},
	}
}

func noAccount(name string) error {
	return usagef("no account is called %q: see mediaferry accounts list", name)
}

func (a *app) accountsProbeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "probe NAME",
		Short: "Ask WeChat whether an account is well",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			if _, known := cfg.Accounts[args[0]]; !known {
				return noAccount(args[0])
			}
			client, err := newWeChat(cfg, nil, nil, a.logger(cfg, true))
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
			fmt.Fprintf(a.Out, "%s is well: %d of %d upload calls used today\n", args[0], quota.Used, quota.DailyLimit)
			return nil
		},
	}
}
