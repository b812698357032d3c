package enqueue

import (
	"context"
	"net/url"
	"path"

	"github.com/mediaferry/mediaferry/tasks"
)

// check refuses an upload that the producer's rights don't allow, and returns the grant that its source lies in.
func (p *Producer) check(ctx context.Context, u tasks.Upload, src tasks.Source) (grant string, err error) {
	switch {
	case !p.Rights.MayUse(u.Account):
		return "", denied("account: this producer may not submit to %q", u.Account)
	case u.Priority == tasks.Interactive && p.Rights.BulkOnly:
		return "", denied("priority: this producer may submit bulk uploads only")
	}
	if grant, err = p.checkSource(src); err != nil {
		return "", err
	}
	if err := p.checkCallback(u.CallbackURL); err != nil {
		return "", err
	}
	return grant, p.checkAccount(ctx, u.Account)
}

func (p *Producer) checkSource(src tasks.Source) (grant string, err error) {
	switch owner := src.Owner(); {
	case src.Local() && !p.Local:
		return "", &tasks.Error{Code: tasks.Denied, Op: "check upload", Err: tasks.Textf("source: only the command line may name a folder of its own"),
			Hint: "give the path relative to the storage root"}
	case owner != "" && owner != p.name(): // as if it were not there
		return "", &tasks.Error{Code: tasks.Denied, Op: "check upload", Err: tasks.Textf("source: there is no such file in this producer's inbox")}
	case src.Local(), src.Inbox != "":
		return "", nil
	}
	grant, ok := p.Rights.MayRead(src)
	if !ok {
		return "", denied("source: this producer may not submit from there")
	}
	return grant, nil
}

func (p *Producer) checkCallback(callback string) error {
	u, err := url.Parse(callback)
	if callback == "" || err != nil || p.Rights.MayCall(u.Hostname()) {
		return nil //nolint:nilerr // Validate refuses what is no URL, with better words
	}
	return denied("callback_url: this producer may not name the host %q", u.Hostname())
}

// checkAccount refuses an account that does not exist.
func (p *Producer) checkAccount(ctx context.Context, name string) error {
	if p.Accounts == nil {
		return nil
	}
	known, err := p.Accounts.Known(ctx, name)
	if err != nil || known {
		return err
	}
	return &tasks.Error{Code: tasks.Invalid, Op: "check upload", Err: tasks.Textf("account: there is no account %q", name),
		Hint: "see GET /v1/accounts, or: mediaferry accounts"}
}

// denied returns the error of a request that the producer's rights don't allow.
func denied(format string, args ...any) error {
	return &tasks.Error{Code: tasks.Denied, Op: "check rights", Err: tasks.Textf(format, args...), Hint: "ask the operator for a key with that right"}
}

// displayName returns the filename of an upload. It returns "" if the ledger shows the right name without it: the last part
// of a source that is not escaped.
func displayName(u tasks.Upload, src tasks.Source) string {
	if name := baseName(src); u.Filename == "" && name != path.Base(u.Source) {
		return name
	}
	return u.Filename
}
