package wechat

import "github.com/mediaferry/mediaferry/tasks"

// API is a kind of call. The same errcode may mean different things to two of them.
type API string

// The kinds of call.
const (
	APIUpload API = "upload" // media/upload, and whatever has no table of its own
	APIToken  API = "token"  // stable_token and token
	APIGet    API = "get"    // media/get
)

// Row says what one errcode means and what happens then.
type Row struct {
	API       API        `json:"api"`
	Errcode   int        `json:"errcode"`
	Code      tasks.Code `json:"code"`
	Meaning   string     `json:"meaning"`
	MeaningZH string     `json:"meaning_zh"`
	Advice    string     `json:"advice"`
	AdviceZH  string     `json:"advice_zh"`
}

// Explain returns the row of an errcode: the upload call's, or another call's where the upload has none.
func Explain(errcode int) (Row, bool) { return Row{}, false }

// Rows returns the whole table, the upload call's rows first, each part ordered by errcode.
func Rows() []Row { return nil }
