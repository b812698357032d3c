package ledger

import "time"

// pace spreads an account's calls by the generic cell rate algorithm: tat is when the next call would come if all came
// evenly (the theoretical arrival time). All times are microseconds of the ledger's clock.
type pace struct {
	tat  int64
	read int64 // tat as it was read
}

// gcra splits a limit so that no minute, wherever it begins, sees more than perMinute calls: a burst of b and then
// one call in each step makes b + minute/step - 1 of them.
func gcra(perMinute int) (burst, step int64) {
	burst = int64(max(1, perMinute/20))
	rate := int64(perMinute) - burst + 1
	return burst, (time.Minute.Microseconds() + rate - 1) / rate
}

// next reserves the next call, and returns its time: now, or later.
func (p *pace) next(now int64, perMinute int) int64 {
	burst, step := gcra(perMinute)
	p.tat = max(p.tat, now)
	at := max(now, p.tat-(burst-1)*step)
	p.tat += step
	return at
}

// within returns the number of calls that can be made from now until ahead. It is at least the next call, even if that
// comes later.
func (p *pace) within(now int64, ahead time.Duration, perMinute int) int {
	burst, step := gcra(perMinute)
	left := now + max(ahead.Microseconds(), step) - max(p.tat, now) + (burst-1)*step
	if left < 0 {
		return 0
	}
	return int(left/step) + 1
}
