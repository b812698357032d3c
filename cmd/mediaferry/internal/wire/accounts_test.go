package wire

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/config"
)

// What the settings say of one account reaches WeChat's client and the ledger, and no other account.
func TestAccountsOfTheSettings(t *testing.T) {
	t.Parallel()
	c := config.Config{
		Worker: config.Worker{ResetZone: "Europe/Berlin"},
		Accounts: map[string]config.Account{
			"a": {AppID: "wx1", Token: config.TokenURL, TokenURL: "https://tokens/a", TokenHeader: "K: a", DailyLimit: 1, ResetZone: "UTC"},
			"b": {AppID: "wx2", Token: config.TokenURL, TokenURL: "https://tokens/b", TokenHeader: "K: b", DailyLimit: 2},
		},
	}
	client, err := NewWeChat(c, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	type account struct {
		Name, Header, Zone, LedgerZone string
		DailyLimit                     int
	}
	var got []account
	for _, known := range (&Stack{Config: c, WeChat: client}).Accounts() {
		a := wechatAccount(c, known.Name)
		got = append(got, account{a.Name, a.TokenHeader.Reveal(), a.ResetZone.String(), known.ResetZone.String(), known.DailyLimit})
	}
	if diff := cmp.Diff([]account{{"a", "K: a", "UTC", "UTC", 1}, {"b", "K: b", "Europe/Berlin", "Europe/Berlin", 2}}, got); diff != "" {
		t.Error(diff)
	}
}
