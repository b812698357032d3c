package main

import (
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }
