package cli

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

func (a *app) explainCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:     "explain ERRCODE",
		Short:   "What an errcode of WeChat means, and what to do",
		Example: "  mediaferry explain 45009",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			code, err := strconv.Atoi(args[0])
			if err != nil {
				return exit.Usagef("%q is not an errcode: it is a number such as 45009 or -1", args[0])
			}
			row, ok := wechat.Explain(code)
			if !ok {
				return exit.Usagef("errcode %d is in no table of ours: it is tried 3 times, 10 minutes apart, then failed with its rid kept", code)
			}
			if format == output.JSON {
				return json.NewEncoder(a.Out).Encode(row)
			}
			fmt.Fprintf(a.Out, "%d  %s (%s)\n  %s\n  %s\n  %s\n", row.Errcode, row.Meaning, row.Code, row.Advice, row.MeaningZH, row.AdviceZH)
			return nil
		},
	}
	cmd.FParseErrWhitelist.UnknownFlags = false
	output.FlagVar(cmd.Flags(), &format, output.Table, output.JSON)
	return cmd
}
