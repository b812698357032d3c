package check

const aKept = "SELECT k.seq, NULL, NULL, k.media_id FROM kept k WHERE "

func keptChecks() []Rule {
	return []Rule{
		{ // before those that would end the keeping
			Name: "kept-upload-without-keeper", what: "its media should be kept alive, but nobody asks for that", Key: "u.seq", Repairable: true,
			query: theUpload + `u.producer FROM uploads u WHERE u.phase = 4 AND u.keep_fresh_until > u.finished_at AND u.sha256 IS NOT NULL AND u.media_id IS NOT NULL
				AND EXISTS (SELECT 1 FROM accounts a WHERE a.name = u.account) AND NOT EXISTS (SELECT 1 FROM keepers p WHERE p.upload = u.seq)`,
		},
		{
			Name: "kept-for-nobody", what: "a media is kept alive, but nobody asks for it", Key: "k.seq", Repairable: true,
			query: aKept + "k.renewal IS NULL AND NOT EXISTS (SELECT 1 FROM keepers p WHERE p.kept = k.seq)",
		},
		{
			Name: "kept-without-renewal", what: "a media waits for a renewal that is not under way", Key: "k.seq", Repairable: true,
			query: aKept + "k.renewal IS NOT NULL AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.seq = k.renewal AND u.renews = k.seq AND u.phase < 4)",
		},
		{
			Name: "keeper-of-nothing", what: "an upload asks for a media that is not kept alive", Key: "p.upload", Repairable: true,
			query: `SELECT p.upload, u.id, NULL, p.producer FROM keepers p LEFT JOIN uploads u ON u.seq = p.upload
				WHERE (u.seq IS NULL OR NOT EXISTS (SELECT 1 FROM kept k WHERE k.seq = p.kept))`,
		},
	}
}
