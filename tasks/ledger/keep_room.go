package ledger

import (
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// keepRoom is how many more contents may be kept alive, for a producer and in each account.
type keepRoom struct {
	counted  bool
	producer int
	accounts map[string]*int // nil: no limit
}

// mayKeep takes one more content from what may be kept alive, and returns the refusal where nothing is left. Rows that are not
// kept alive cost nothing, also no look.
func (a *admission) mayKeep(u *incoming) (*tasks.Error, error) {
	switch until := u.KeepFreshUntil; {
	case until.IsZero():
		return nil, nil //nolint:nilnil // it is not asked for
	case db.Micros(until) <= a.Now:
		return cantKeep("give a later one, or none", "the time lies in the past"), nil
	}
	if a.MaxKept > 0 {
		if !a.keep.counted {
			n, err := a.keptFor(u.Producer)
			if err != nil {
				return nil, err
			}
			a.keep.counted, a.keep.producer = true, a.MaxKept-n
		}
		if a.keep.producer <= 0 {
			return cantKeep("end others first (mediaferry media forget), or ask the operator for more", "no more than %d contents may be kept alive for this producer at once", a.MaxKept), nil
		}
	}
	left, err := a.roomOf(u.Account)
	if err != nil {
		return nil, err
	}
	if left != nil {
		if *left <= 0 {
			return cantKeep("end others first (mediaferry media forget), or raise the account's daily limit", "account %q would need more calls for the media that it keeps alive than its days have, less the reserve", u.Account), nil
		}
		*left--
	}
	a.keep.producer--
	return nil, nil //nolint:nilnil // it may
}

// keepAlive is the step that cantKeep refuses.
const keepAlive = "keep media alive"

func cantKeep(hint, format string, args ...any) *tasks.Error {
	return &tasks.Error{Code: tasks.Invalid, Op: keepAlive, Err: tasks.Textf("keep_fresh_until: %w", tasks.Textf(format, args...)), Hint: hint}
}

// keptFor counts the contents that are kept alive for a producer, and its uploads that ask for that and have no outcome yet.
func (t *tx) keptFor(producer string) (n int, err error) {
	_, err = t.Row(`SELECT (SELECT count(DISTINCT kept) FROM keepers WHERE producer = ?)
		+ (SELECT count(*) FROM uploads WHERE producer = ? AND keep_fresh_until IS NOT NULL AND phase < 4)`, db.Args{producer, producer}, &n)
	return n, err
}

// roomOf returns what an account can still keep alive, and nil where it has no daily limit.
func (a *admission) roomOf(account string) (*int, error) {
	if left, ok := a.keep.accounts[account]; ok {
		return left, nil
	}
	k, _, err := a.keyOf(account)
	if err != nil {
		return nil, err
	}
	limit, err := a.limitOf(k)
	if err != nil {
		return nil, err
	}
	var left *int
	if day := limit.day(); day > 0 {
		most, n := tasks.KeepRoom(day-limit.reserved()), 0
		_, err := a.Row(`SELECT (SELECT count(*) FROM kept WHERE realm = ? AND appid = ?)
			+ (SELECT count(*) FROM uploads WHERE account = ? AND keep_fresh_until IS NOT NULL AND phase < 4)`, db.Args{k.realm, k.appid, account}, &n)
		if err != nil {
			return nil, err
		}
		n = most - n
		left = &n
	}
	if a.keep.accounts == nil {
		a.keep.accounts = map[string]*int{}
	}
	a.keep.accounts[account] = left
	return left, nil
}
