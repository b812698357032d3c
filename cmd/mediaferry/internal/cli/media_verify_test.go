package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestVerdictsOnMedia(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	lives, over := now.Add(time.Hour), now.Add(-time.Hour)
	for name, c := range map[string]struct {
		ends  time.Time
		size  int64
		bytes string
		err   error
		want  string
	}{
		"it is there":                       {lives, 5, "12345", nil, mediaAlive},
		"its size is not known":             {lives, 0, "12345", nil, mediaAlive},
		"it has other bytes":                {lives, 5, "1234", nil, mediaOtherSize},
		"it is gone before its end":         {lives, 5, "", &tasks.Error{Code: tasks.NotFound}, mediaGoneEarly},
		"it is gone after its end":          {over, 5, "", &tasks.Error{Code: tasks.NotFound}, mediaEnded},
		"it is there after its end":         {over, 5, "12345", nil, mediaOutlives},
		"a video is there":                  {lives, 5, "", &tasks.Error{Code: tasks.Unsupported}, mediaAlive},
		"a video is there after its end":    {over, 5, "", &tasks.Error{Code: tasks.Unsupported}, mediaOutlives},
		"WeChat is busy":                    {lives, 5, "", &tasks.Error{Code: tasks.Temporary}, mediaUnknown},
		"it ends and WeChat can't be asked": {over, 5, "", errors.New("no network"), mediaUnknown},
	} {
		v := mediaVerifier{func(context.Context, string, string) ([]byte, error) { return []byte(c.bytes), c.err }, func() time.Time { return now }}
		if got := v.one(t.Context(), tasks.KnownMedia{MediaID: "m", ExpiresAt: c.ends, Size: c.size}); got.Verdict != c.want || (got.Verdict == mediaUnknown) != (got.Code != "") {
			t.Errorf("%s: %s %s, want %s", name, got.Verdict, got.Code, c.want)
		}
	}
}

// An account that can't be asked is left alone, and the others are asked for all of theirs.
func TestVerifyLeavesHeldAccounts(t *testing.T) {
	t.Parallel()
	var media []tasks.KnownMedia
	for i := range 100 {
		media = append(media, tasks.KnownMedia{MediaID: strconv.Itoa(i), Account: []string{"held", "well"}[i%2], ExpiresAt: time.Now().Add(time.Hour)})
	}
	asked := make(chan string, len(media))
	v := mediaVerifier{func(_ context.Context, account, _ string) ([]byte, error) {
		asked <- account
		if account == "held" {
			return nil, &tasks.Error{Code: tasks.AccountHeld, Op: "get media"}
		}
		return []byte("x"), nil
	}, time.Now}
	told := 0
	found := v.all(t.Context(), media, func() { told++ })
	close(asked)
	calls := map[string]int{}
	for account := range asked {
		calls[account]++
	}
	if calls["held"] > askedAtOnce || calls["well"] != 50 || told != 100 {
		t.Errorf("calls %v, told %d", calls, told)
	}
	for i, m := range found {
		if want := map[string]string{"held": mediaUnknown, "well": mediaAlive}[m.Account]; m.Verdict != want || m.MediaID != strconv.Itoa(i) {
			t.Errorf("%d is %s of %s: %s", i, m.MediaID, m.Account, m.Verdict)
		}
	}
}

// A sample has as many as were asked for, each once; all of them are the first ones, and no more are looked at.
func TestMediaAreChosen(t *testing.T) {
	t.Parallel()
	const there = 950
	pages := 0
	list := func(_ context.Context, f tasks.MediaFilter) ([]tasks.KnownMedia, string, error) {
		from, _ := strconv.Atoi(f.Cursor)
		pages++
		var page []tasks.KnownMedia
		for i := from; i < min(from+100, there); i++ {
			page = append(page, tasks.KnownMedia{MediaID: fmt.Sprint(i)})
		}
		if from+100 >= there {
			return page, "", nil
		}
		return page, strconv.Itoa(from + 100), nil
	}
	for _, c := range []struct {
		n           int
		all         bool
		want, total int
		pages       int
	}{{20, false, 20, there, 10}, {2000, false, there, there, 10}, {2000, true, there, there, 10}, {250, true, 250, 300, 3}} {
		pages = 0
		chosen, total, err := chooseMedia(t.Context(), tasks.MediaFilter{}, c.n, c.all, list)
		once := map[string]bool{}
		for i, m := range chosen {
			once[m.MediaID] = true
			if c.all && m.MediaID != strconv.Itoa(i) {
				t.Errorf("%d of all is %s", i, m.MediaID)
			}
		}
		if err != nil || len(once) != c.want || len(chosen) != c.want || total != c.total || pages != c.pages {
			t.Errorf("%+v: %d of %d, %d pages, %v", c, len(once), total, pages, err)
		}
	}
}

func TestWorse(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]int{{0, 0, 0}, {0, 5, 5}, {5, 3, 3}, {3, 8, 8}, {8, 7, 7}, {7, 5, 7}, {0, 1, 1}} {
		if got := worse(c[0], c[1]); got != c[2] {
			t.Errorf("of %d and %d it is %d, want %d", c[0], c[1], got, c[2])
		}
	}
}
