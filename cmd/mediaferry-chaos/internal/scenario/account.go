package scenario

// The accounts of a run. East and West carry the load. Small has such a low daily limit that most of its uploads end
// by their deadline. Slow and Frozen are for diverse runs: Slow has a backlog and few calls a minute, and WeChat refuses
// Frozen until the attacks are over.
const (
	AccountEast   = "east"
	AccountWest   = "west"
	AccountSmall  = "small"
	AccountSlow   = "slow"
	AccountFrozen = "frozen"
	// SmallLimit is Small's daily limit of calls. smallUploads is how many uploads all producers submit to it.
	SmallLimit   = 10
	smallUploads = 25
)

// Account is what a run sets for one account.
type Account struct {
	Name          string
	DailyLimit    int // 0: none
	RatePerMinute int // 0: unlimited
	Frozen        bool
}

// AppIDs maps accounts to their IDs at WeChat.
var AppIDs = map[string]string{ //nolint:gochecknoglobals // a constant in all but name
	AccountEast:   "wxea57000000000001",
	AccountWest:   "wx3e57000000000002",
	AccountSmall:  "wx5a11000000000003",
	AccountSlow:   "wx510e000000000004",
	AccountFrozen: "wxf07e000000000005",
}

// Accounts returns the accounts of the run.
func (run Run) Accounts() []Account {
	all := []Account{{Name: AccountEast}, {Name: AccountWest}, {Name: AccountSmall, DailyLimit: SmallLimit}}
	if run.Uniform {
		return all
	}
	all[1].RatePerMinute = 3000 // West is paced, and hardly slower for it
	return append(all, Account{Name: AccountSlow, RatePerMinute: 6}, Account{Name: AccountFrozen, Frozen: true})
}
