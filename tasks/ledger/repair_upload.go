package ledger

import "github.com/mediaferry/mediaferry/tasks"

// makeReady makes an upload ready again, or canceled if somebody asked for that.
func (t *tx) makeReady(seq int64) error {
	rs, err := t.findAll("u.seq = ?", seq)
	if err != nil || len(rs) == 0 {
		return err
	}
	return t.yield(rs[0])
}

// dropRun deletes the run of an upload that is not under way.
func (t *tx) dropRun(seq int64) error {
	_, err := t.Exec("DELETE FROM runs WHERE upload = ?", seq)
	return err
}

func (t *tx) countAttempts(seq int64) error {
	_, err := t.Exec(`UPDATE uploads SET attempts = (SELECT max(a.number) FROM attempts a WHERE a.upload = uploads.seq AND a.round = uploads.round)
		WHERE seq = ?`, seq)
	return err
}

// addEvent writes the event of an outcome that lacks it.
func (t *tx) addEvent(seq int64) error {
	rs, err := t.findAll("u.seq = ?", seq)
	if err != nil || len(rs) == 0 {
		return err
	}
	r := rs[0]
	if r.batch != 0 {
		t.tally(r.batch) // for the batch's callback
	}
	t.events = append(t.events, event{kind: tasks.OutcomeEvent(r.phase.State()), upload: r.seq, round: r.round, url: r.callback, ofBatch: r.batch})
	return nil
}
