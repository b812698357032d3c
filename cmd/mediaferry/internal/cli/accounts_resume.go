package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) accountsResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume NAME",
		Short: "Lift the hold of an account, if WeChat takes its credentials",
		Long: `Reads the account's credentials, from their files too, and asks WeChat with them before it lifts the hold. An account that
WeChat still refuses stays held. Where WeChat can't be asked from here, the hold is lifted, and the next upload shows.
A running worker takes over a secret whose file has changed within seconds; other credentials need a restart of it.`,
		Args:              oneArg,
		ValidArgsFunction: a.completeAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			accounts, err := s.Ledger.Accounts(cmd.Context())
			if err != nil {
				return err
			}
			for _, acc := range accounts {
				if acc.Name == args[0] {
					return a.resume(cmd.Context(), s, acc)
				}
			}
			return noAccount(args[0])
		},
	}
}

// resume lifts the hold of an account that WeChat takes.
func (a *app) resume(ctx context.Context, s *wire.Stack, acc tasks.AccountStatus) error {
	if acc.Hold == nil {
		a.say("accounts.not_held", "Name", acc.Name)
		return exit.With(tasks.ExitNothing)
	}
	done, err := enqueue.ResumeAccount(ctx, s.Ledger, s, acc.Name)
	if err != nil {
		return err
	}
	answer := a.t("accounts.answers")
	if !done.Asked {
		answer = a.t("accounts.could_not_ask", "Why", done.Why)
	}
	a.say("accounts.goes_on", "Name", acc.Name, "Answer", answer)
	return nil
}
