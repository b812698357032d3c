// Command mediaferry carries media files into WeChat: see mediaferry --help.
package main

import (
	"os"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/cli"
)

func main() {
	os.Exit(cli.Main())
}
