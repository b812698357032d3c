package enqueue

import (
	"strings"
	"testing"
)

func TestCheckSaysWhenRedisIsNearlyFull(t *testing.T) {
	t.Parallel()
	for used, want := range map[string]bool{"89": false, "90": true, "120": true} {
		warnings, err := judge(map[string]string{"used_memory": used, "maxmemory": "100"})
		if got := len(warnings) == 1 && strings.Contains(warnings[0].Error(), used+"% of its maxmemory"); err != nil || got != want {
			t.Errorf("%s of 100 are used: %v (%v)", used, warnings, err)
		}
	}
	if warnings, _ := judge(map[string]string{"used_memory": "120", "maxmemory": "0"}); len(warnings) > 0 {
		t.Errorf("without a limit: %v", warnings)
	}
}
