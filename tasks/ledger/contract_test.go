package ledger

import "testing"

// testCase is one promise that both databases keep.
type testCase struct {
	name string
	run  func(*harness)
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	testContract(t, openSQLiteHarness)
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	testContract(t, openPostgresHarness)
}

func testContract(t *testing.T, open func(*testing.T) *harness) {
	for _, part := range [][]testCase{
		writerContract,
		acceptContract,
		dispatchContract,
		accountContract,
		claimContract,
		admitContract,
		finishContract,
		setContract,
		sourceContract,
		askedContract,
		liveContract,
		batchContract,
		holdContract,
		leaderContract,
		retryContract,
		actionContract,
		eventContract,
		deliveryContract,
		deliveryTurnsContract,
		queryContract,
		filterContract,
		pruneContract,
		verifyCases(),
		starveContract,
		secretContract,
		processContract,
		countContract,
		figuresContract,
		wakeContract,
		keptContract,
		sessionContract,
		quotaContract,
	} {
		for _, c := range part {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.run(open(t))
			})
		}
	}
}
