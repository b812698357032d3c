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
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	// Ramp is 0 while the account is held. After Until it is the number of uploads that may be under way at once: first
	// 1 (the probe), then doubled by each success. The hold ends when Ramp reaches RampEnd.
	Ramp int `json:"ramp,omitzero"`
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
	DailyLimit int    `json:"daily_limit,omitzero"`
	Open       int    `json:"open"` // uploads without an outcome
}

// LeftToday returns the number of upload calls that are left today, and whether the account has a daily limit.
func (a AccountStatus) LeftToday() (int, bool) {
	return max(0, a.DailyLimit-a.CallsToday), a.DailyLimit > 0
}
