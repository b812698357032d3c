package wechat

import (
	"cmp"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// API is a kind of call. One errcode may mean different things for two of them.
type API string

// The kinds of call.
const (
	APIUpload API = "upload" // media/upload, and calls without a table of their own
	APIToken  API = "token"  // stable_token and token
	APIGet    API = "get"    // media/get
)

// Row explains one errcode.
type Row struct {
	API       API        `json:"api"`
	Errcode   int        `json:"errcode"`
	Code      tasks.Code `json:"code"`
	Meaning   string     `json:"meaning"`
	MeaningZH string     `json:"meaning_zh"`
	Advice    string     `json:"advice"` // what the operator should do
	AdviceZH  string     `json:"advice_zh"`
}

// Explain returns the row of an errcode: that of the upload call, or else that of another call. It reports false for an
// unknown errcode.
func Explain(errcode int) (Row, bool) {
	for _, api := range []API{APIUpload, APIToken, APIGet} {
		if r, ok := find(api, errcode); ok {
			return r, true
		}
	}
	return Row{}, false
}

// ExplainAs returns the row of an errcode that led to a code: one errcode may come from several calls. If no row has that
// code, it is Explain.
func ExplainAs(code tasks.Code, errcode int) (Row, bool) {
	for _, r := range table {
		if r.Errcode == errcode && r.Code == code {
			return r, true
		}
	}
	return Explain(errcode)
}

// Rows returns the whole table, ordered by errcode. An errcode that means different things to different calls has
// a row for each.
func Rows() []Row {
	rows := slices.Clone(table[:])
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.Errcode, b.Errcode) })
	return rows
}

func find(api API, errcode int) (Row, bool) {
	for _, r := range table {
		if r.Errcode == errcode && r.API == api {
			return r, true
		}
	}
	return Row{}, false
}

// row returns the row of an errcode for this client: by the settings, else by the call's own table, else by the upload's. Any
// other errcode is Unknown.
func (c *Client) row(api API, errcode int) Row {
	r, ok := find(api, errcode)
	if !ok {
		r, ok = find(APIUpload, errcode)
	}
	if !ok {
		r = Row{API: api, Errcode: errcode, Code: tasks.Unknown}
		r.Meaning, r.Advice = r.Code.Meaning(), r.Code.Hint()
	}
	if api == APIToken {
		switch r.Code {
		case tasks.TokenRefused: // a token call carries no token: what it refuses are the credentials
			r.Code = tasks.AccountHeld
		case tasks.Rejected: // and no file
			r.Code = tasks.Defect
		}
	}
	if code, set := c.cfg.Errcodes[errcode]; set && api == APIUpload {
		r.Code = code
	}
	return r
}

// The time after which an account that was held is tried again.
const (
	recheckAccount = 10 * time.Minute
	recheckConfirm = time.Hour // 895xx: a person of the account has to agree to the call first
)

// holdFor returns the time to hold an account after a failure of this code, if its day begins at midnight in zone. It returns
// 0 if the account is not held.
func (c *Client) holdFor(code tasks.Code, errcode int, zone *time.Location) time.Duration {
	now := c.cfg.Now()
	switch {
	case code == tasks.MinuteLimit:
		return now.Truncate(time.Minute).Add(time.Minute).Sub(now)
	case code == tasks.DailyLimit:
		return tasks.DayEnd(now, zone).Sub(now)
	case code == tasks.AccountHeld && errcode/100 == 895:
		return recheckConfirm
	case code == tasks.AccountHeld:
		return recheckAccount
	}
	return 0
}
