package cli

import "testing"

func TestPrefixRange(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"0190":                                 "01900000-0000-0000-0000-000000000000 0190ffff-ffff-ffff-ffff-ffffffffffff",
		"01902C5E-8f2b-7c3a":                   "01902c5e-8f2b-7c3a-0000-000000000000 01902c5e-8f2b-7c3a-ffff-ffffffffffff",
		"01902c5e-":                            "01902c5e-0000-0000-0000-000000000000 01902c5e-ffff-ffff-ffff-ffffffffffff",
		"01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d": "01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d 01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d",
		"019":                                  "", "cover.jpg": "", "019-": "", "01902c5e8": "", "": "",
		"01902c5e-8f2b-7c3a-9d41-0d3f6a1b2c3d0": "",
	} {
		got := ""
		if first, last, ok := prefixRange(prefix); ok {
			got = first.String() + " " + last.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", prefix, got, want)
		}
	}
}
