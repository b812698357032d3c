package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

func (a *app) printErrcodesCommand() *cobra.Command {
	var table output.Reference
	cmd := &cobra.Command{
		Use:     "errcodes",
		Short:   "Print every known errcode of WeChat, and what happens then",
		Example: "  mediaferry print errcodes\n  mediaferry print errcodes --output json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			rows := [][]string{{"ERRCODE", "CALL", "CODE", "MEANING", "WHAT TO DO"}}
			own := forPeople(table) && !a.words.English()
			if own {
				rows[0] = a.words.Headings("ERRCODE", "CALL", "CODE", "MEANING", "WHAT TO DO")
			}
			for _, r := range wechat.Rows() {
				meaning, advice := r.Meaning, r.Advice
				if own {
					meaning, advice = r.MeaningZH, r.AdviceZH
				}
				rows = append(rows, []string{strconv.Itoa(r.Errcode), string(r.API), string(r.Code), meaning, advice})
			}
			return table.Write(a.Out, rows, wechat.Rows())
		},
	}
	referenceFlags(cmd, &table)
	return cmd
}
