package config_test

import (
	"testing"

	"github.com/mediaferry/mediaferry/config"
)

func TestDSN(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                         "",
		"embedded":                 "embedded",
		"sqlite:/var/lib/ferry.db": "sqlite:/var/lib/ferry.db",
		"redis://h:1/2":            "redis://h:1/2",
		"redis://me:pw@h/2":        "redis://***@h/2",
		"redis://a@b@h/2":          "redis://***@h/2",
		"redis-sentinel://u:p@a:1,b:2/0?master=m&sentinel_password=pw": "redis-sentinel://***@a:1,b:2/0?master=m&sentinel_password=***",
		"postgres://u:p@h/db?sslmode=require&password=pw&x":            "postgres://***@h/db?sslmode=require&password=***&x=***",
		"https://h/token?key=pw#pw":                                    "https://h/token?key=***",
		"host=h password=pw":                                           "***",
		"me:pw":                                                        "***",
		"pw":                                                           "***",
	} {
		if got := config.DSN(url).String(); got != want {
			t.Errorf("%s shows as %s, want %s", url, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Size{
		"0": 0, "7": 7, "7B": 7, "64KiB": 65536, "64 kib": 65536, "2MB": 2e6, "256MiB": 256 << 20, "1GiB": 1 << 30, "1gb": 1e9, "1KB": 1000, "1.5MiB": 3 << 19, "1TiB": 1 << 40,
	} {
		got, err := config.ParseSize(text)
		if err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
		if again, err := config.ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%q is written %s", text, got)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "9223372036854775807KiB", "8EiB", "1 MiB x"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
