package tasks

import "time"

// DefaultAccount is the account of uploads that name none.
const DefaultAccount = "default"

// Account is one WeChat official account as this process knows it.
type Account struct {
	Name  string
	Realm string // the host behind the base URL
	AppID string
	// Fingerprint changes with the credentials, and lets nobody guess them (a salted hash). A new one lifts a hold.
	Fingerprint string
	// DailyLimit is how many upload calls a day the ledger grants; 0: it only counts.
	DailyLimit int
	// RatePerMinute is how many upload calls the whole fleet makes in any minute; 0: no limit.
	RatePerMinute int
	// Concurrency is how many uploads the whole fleet has under way at once; 0: no limit.
	Concurrency int
	// ResetZone is where the account's day begins at midnight. Nil: Asia/Shanghai.
	ResetZone *time.Location
}

// Hold says that an account is paused, until when and why. There is at most one for each (realm, appid).
type Hold struct {
	Realm   string    `json:"realm"`
	AppID   string    `json:"appid"`
	Code    Code      `json:"code"` // MinuteLimit, DailyLimit or AccountHeld
	Errcode int       `json:"errcode,omitzero"`
	RID     string    `json:"rid,omitempty"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	// Ramp is 0 while the account is held. Once Until has passed it is the number of uploads that may be under way
	// at once: 1 (the probe), doubled by each success, and the hold is gone when it reaches RampEnd.
	Ramp int `json:"ramp,omitzero"`
}

// RampEnd is how many uploads at once end a hold: by then the account has answered six times in a row.
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

// LeftToday is how many upload calls the account may still make today, and whether a daily limit is known at all.
func (a AccountStatus) LeftToday() (int, bool) {
	return max(0, a.DailyLimit-a.CallsToday), a.DailyLimit > 0
}
