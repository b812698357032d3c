package cli

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
)

func (a *app) consoleCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "console",
		Short: "Print a link that signs in to the console once",
		Long: `Prints a link to the console of run or serve, which signs you in as an operator. It is good once, for a minute. On a desktop it
is opened, too. The link is kept as a hash in the ledger: who can write the ledger may do everything anyway.`,
		Example: "  mediaferry console",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.openLedger(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			link, err := s.ConsoleLink(cmd.Context(), "")
			if err != nil {
				return err
			}
			a.say("console.link")
			if _, err := fmt.Fprintln(a.Out, link); err != nil {
				return err
			}
			if output.IsTerminal(a.Err) {
				openBrowser(link)
			}
			return nil
		},
	}
}

// openBrowser opens a page on a desktop. Where there is none, people open the link themselves.
func openBrowser(link string) {
	switch {
	case runtime.GOOS == "darwin":
		_ = exec.Command("open", link).Start() //nolint:noctx // it outlives this command
	case os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "":
		_ = exec.Command("xdg-open", link).Start() //nolint:noctx // likewise
	}
}
