package tasks_test

import (
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestRightsThatCantBeRight(t *testing.T) {
	t.Parallel()
	good := tasks.Rights{
		Accounts: []string{"a"}, Sources: []string{"*", "in/", "in/a.jpg", "s3://media", "s3://media/2026/"},
		CallbackHosts: []string{"hooks.example.com", "*.example.org", "10.0.0.1", "::1"}, RatePerMinute: 1, DailyBudget: 1,
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for words, r := range map[string]tasks.Rights{
		"accounts:":        {Accounts: []string{"a b"}},
		"sources:":         {Sources: []string{"/abs/"}},
		`"../x"`:           {Sources: []string{"../x"}},
		`"a/*.jpg"`:        {Sources: []string{"a/*.jpg"}},
		`"inbox:`:          {Sources: []string{"inbox:x/shop/f/a.jpg"}},
		`"file:///etc#x"`:  {Sources: []string{"file:///etc#x"}},
		`"s3://"`:          {Sources: []string{"s3://"}},
		"callback_hosts:":  {CallbackHosts: []string{"*evil.example"}},
		`"a.example:80/x"`: {CallbackHosts: []string{"a.example:80/x"}},
		`"a..example"`:     {CallbackHosts: []string{"a..example"}},
		"rate_per_minute:": {RatePerMinute: -5},
		"daily_budget:":    {DailyBudget: -1},
	} {
		if err := r.Validate(); tasks.CodeOf(err) != tasks.Invalid || !strings.Contains(err.Error(), words) {
			t.Errorf("%+v: %v, want Invalid with %q", r, err, words)
		}
	}
	hash := tasks.KeyHash("a key")
	for _, k := range []tasks.Key{
		{Name: "..", Role: tasks.RoleProducer, Hash: hash}, {Name: "local", Role: tasks.RoleProducer, Hash: hash}, {Name: "shop", Role: "king", Hash: hash},
		{Name: "shop", Role: tasks.RoleProducer}, {Name: "shop", Role: tasks.RoleProducer, Hash: hash, Rights: tasks.Rights{DailyBudget: -1}},
	} {
		if err := k.Validate(); tasks.CodeOf(err) != tasks.Invalid {
			t.Errorf("%+v: %v, want Invalid", k, err)
		}
	}
}

// The grant that is kept with an upload is the widest one that its source lies in.
func TestMayRead(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"shop/a.jpg": "shop/", "shop/public/a.jpg": "shop/", "one.jpg": "one.jpg", "shopping/a.jpg": "no", "s3://media/2026/a.jpg": "s3://media/2026",
		"s3://media/a.jpg": "no", "s3://media/2026/../a.jpg": "no", "s3://media/2026/./a.jpg": "no", "s3://media/2026/a..jpg": "s3://media/2026",
		"s3://media/20266/a.jpg": "no", "file:///home#a.jpg": "no", "inbox:x/shop/f/a.jpg": "no",
	} {
		r := tasks.Rights{Sources: []string{"shop/public/", "shop/", "one.jpg", "s3://media/2026"}}
		s, err := tasks.ParseSource(source)
		if err != nil {
			t.Fatal(err)
		}
		grant, ok := r.MayRead(s)
		if !ok {
			grant = "no"
		}
		if grant != want {
			t.Errorf("%s is read by the grant %s, want %s", source, grant, want)
		}
		if _, _, covered := s.Below(grant); ok && !covered {
			t.Errorf("%s is not below its own grant %s", source, grant)
		}
	}
}

// What a worker opens: the granted folder first, and then the rest of the path below it.
func TestBelow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ grant, source, folder, rest string }{
		{"", "shop/a.jpg", ".", "shop/a.jpg"},
		{"", "s3://media/../x", ".", "../x"},
		{".", "shop/a.jpg", ".", "shop/a.jpg"},
		{"shop", "shop/in/a.jpg", "shop", "in/a.jpg"},
		{"./shop//in/", "shop/in/a.jpg", "shop/in", "a.jpg"},
		{"shop/a.jpg", "shop/a.jpg", "shop", "a.jpg"},
		{"a.jpg", "a.jpg", ".", "a.jpg"},
		{"s3://media", "s3://media/shop/a.jpg", ".", "shop/a.jpg"},
		{"s3://media/shop/", "s3://media/shop/a.jpg", "shop", "a.jpg"},
		{"shop", "shopping/a.jpg", "", ""},
		{"shop", "rival/a.jpg", "", ""},
		{"shop", "s3://shop/a.jpg", "", ""},
		{"s3://media", "media/a.jpg", "", ""},
		{"shop", "file:///shop#a.jpg", "", ""},
		{"shop", "inbox:x/shop/f/a.jpg", "", ""},
	} {
		s, err := tasks.ParseSource(c.source)
		if err != nil {
			t.Fatal(err)
		}
		folder, rest, ok := s.Below(c.grant)
		if folder != c.folder || rest != c.rest || ok != (c.folder != "") {
			t.Errorf("%s below %q: %q, %q, %v, want %q, %q", c.source, c.grant, folder, rest, ok, c.folder, c.rest)
		}
	}
}
