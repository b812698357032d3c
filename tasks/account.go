package tasks

import "time"

// DefaultAccount is the account of an upload that does not name one.
const DefaultAccount = "default"

// Account is one WeChat official account as this process knows it.
type Account struct {
	Name  string
	Realm string // the host behind the base URL
	AppID string
	// Fingerprint is a salted hash of the credentials. A new fingerprint lifts a hold.
	Fingerprint string
	// DailyLimit is the number of upload calls that the ledger grants in a day. With 0 it only counts them.
	DailyLimit int
	// Reserve is the part of the day's calls, in percent, that bulk uploads leave to interactive ones. It is rounded down.
	Reserve int
	// RatePerMinute is the number of upload calls that the whole fleet may make in any minute; 0: no limit.
	RatePerMinute int
	// Concurrency is the number of uploads that the whole fleet may have under way at once; 0: no limit.
	Concurrency int
	// ResetZone is where the account's day begins at midnight. Nil: Asia/Shanghai.
	ResetZone *time.Location
}

// Hold pauses an account: until when, and why. A (realm, appid) has one hold at most.
type Hold struct {
	Realm   string    `json:"realm"`
	AppID   string    `json:"appid"`
	Code    Code      `json:"code"` // MinuteLimit, DailyLimit or AccountHeld
	Errcode int       `json:"errcode,omitzero"`
	RID     string    `json:"rid,omitempty"`
	Reason  string    `json:"reason"`
	Params  Params    `json:"params,omitzero"` // the values of reason
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	// Ramp is 0 while the account is held. After Until it is the number of uploads that may be under way at once: first
	// 1 (the probe), then doubled by each success. The hold ends when Ramp reaches RampEnd.
	Ramp int `json:"ramp,omitzero"`
	// BulkOnly says that interactive uploads go on: the calls that are left today are kept for them.
	BulkOnly bool `json:"bulk_only,omitzero"`
}

// LearntQuota is what WeChat says of an account's upload calls. 0: WeChat does not say.
type LearntQuota struct {
	PerMinute int
	Daily     int
	Used      int // today, by whatever system, as WeChat counts
	// Before is what the ledger had counted before WeChat was asked.
	Before CallsMade
}

// CallsMade is how many upload calls of an account the ledger has counted today.
type CallsMade struct {
	Day      int64 // since 1970 in the account's zone
	Calls    int
	UnderWay int // uploads whose call may be counted and not be made yet
}

// RampEnd is the Ramp that ends a hold: by then the account has answered six times in a row.
const RampEnd = 64

// AccountStatus is an account with what the ledger knows of it.
type AccountStatus struct {
	Name       string `json:"name"`
	Realm      string `json:"realm"`
	AppID      string `json:"appid"`
	Hold       *Hold  `json:"hold,omitempty"`
	CallsToday int    `json:"calls_today"`
	// DailyLimit is the lower of what the settings and WeChat allow. 0: neither says.
	DailyLimit int `json:"daily_limit,omitzero"`
	// CallsOfOthers is what other systems took of today's limit. It is negative where WeChat's count was cleared.
	CallsOfOthers int `json:"calls_of_others,omitzero"`
	// Reserve is how many of a day's calls bulk uploads leave to interactive ones.
	Reserve int `json:"reserve,omitzero"`
	// Renewals is how many calls renewals need before the day ends, which bulk uploads leave to them.
	Renewals int `json:"renewals,omitzero"`
	Open     int `json:"open"` // uploads without an outcome
	// Plan says when the open uploads will be done. Nil: there are none.
	Plan *Plan `json:"plan,omitempty"`
	// Prospect is what the plan was made of.
	Prospect Prospect `json:"-"`
	// Token is the access token that the account's calls are made with, where this process knows.
	Token *TokenStatus `json:"token,omitempty"`
}

// TokenStatus is what may be told of an access token: never the token itself.
type TokenStatus struct {
	Source    string    `json:"source"`              // where it comes from: stable_token, token, static, url or command
	FetchedAt time.Time `json:"fetched_at,omitzero"` // zero: not known, or not fetched yet
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: not known
	Refused   bool      `json:"refused,omitempty"`   // WeChat refused it, and the next call fetches another one
}

// Probe is what WeChat says of an account when it is asked.
type Probe struct {
	Account    string       `json:"account"`
	Used       int          `json:"calls_used" doc:"Upload calls of today, as WeChat counts them"`
	DailyLimit int          `json:"daily_limit"`
	Token      *TokenStatus `json:"token,omitempty"`
}

// Resumption says what became of the hold of an account.
type Resumption struct {
	Resumed bool `json:"resumed" doc:"false: it was not held"`
	Asked   bool `json:"asked" doc:"WeChat was asked, and takes the account. false: it could not be asked from here, and the next upload shows"`
	// Why says why WeChat could not be asked.
	Why string `json:"why,omitempty" doc:"Why WeChat could not be asked"`
}

// LeftToday returns the number of upload calls that are left today, and whether the account has a daily limit.
func (a AccountStatus) LeftToday() (int, bool) {
	return max(0, a.DailyLimit-a.CallsToday-a.CallsOfOthers), a.DailyLimit > 0
}
