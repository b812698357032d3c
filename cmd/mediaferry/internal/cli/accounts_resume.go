package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) accountsResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume NAME",
		Short: "Lift the hold of an account, if WeChat takes its credentials",
		Long: `Reads the account's credentials, from their files too, and asks WeChat with them before it lifts the hold. An account that
WeChat still refuses stays held. Where WeChat can't be asked from here, the hold is lifted, and the next upload shows.
A running worker takes over a secret whose file has changed within seconds; other credentials need a restart of it.`,
		Args:              cobra.ExactArgs(1),
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
		fmt.Fprintf(a.Err, "%s was not held\n", acc.Name)
		return exit.With(tasks.ExitNothing)
	}
	answer, err := a.askWeChat(ctx, s, acc.Name)
	if err != nil {
		return fmt.Errorf("account %s stays held: %w", acc.Name, err)
	}
	held, err := s.Ledger.Resume(ctx, acc.Realm, acc.AppID)
	if err != nil {
		return err
	}
	if !held { // a worker that took over the new credentials was first
		answer += ", and its hold was lifted meanwhile"
	}
	fmt.Fprintf(a.Err, "%s goes on: %s\n", acc.Name, answer)
	return nil
}

// askWeChat makes a call with the credentials of an account as they are now. It returns what to say of it, and an error where
// WeChat refuses them. What only this machine can't do says nothing of the workers.
func (a *app) askWeChat(ctx context.Context, s *wire.Stack, name string) (string, error) {
	const patience = 20 * time.Second
	if _, known := s.Config.Accounts[name]; !known {
		return "it is not in the settings here, and WeChat was not asked", nil
	}
	client, err := wire.NewWeChat(s.Config, nil, s.Log)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = client.Probe(ctx, name)
	switch code := tasks.CodeOf(err); {
	case err == nil:
		return "WeChat answers it", nil
	case code == tasks.AccountHeld || code == tasks.DailyLimit || code == tasks.TokenRefused:
		return "", err
	}
	return fmt.Sprintf("WeChat could not be asked from here (%v), the next upload shows", err), nil
}
