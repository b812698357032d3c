package cli_test

import (
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }
