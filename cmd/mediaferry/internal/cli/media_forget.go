package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) mediaForgetCommand() *cobra.Command {
	var accounts []string
	cmd := &cobra.Command{
		Use:   "forget MEDIA_ID …",
		Short: "Answer no upload with these any more: the next one of their content calls WeChat",
		Example: `  mediaferry media forget qH7K0fciR6h7XSp0oT4aqccUmD_faWedJaCSjExplChTPHfYZH5p7kqykKETNF3c
  mediaferry media forget -- -media_id-that-begins-with-a-dash`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			for _, id := range args {
				if err := s.Ledger.Forget(cmd.Context(), id, accounts); err != nil {
					return fmt.Errorf("%s: %w", id, err)
				}
				fmt.Fprintf(a.Err, "%s is forgotten\n", id)
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&accounts, "account", nil, "only if it belongs to one of these accounts")
	return cmd
}
